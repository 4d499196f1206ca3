"""`./darkroom deploy` and `./darkroom destroy`: from nothing to a deployment in AWS, and back."""
