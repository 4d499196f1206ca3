"""`darkroom models`: what lies in the model bucket, and putting more into it."""
