"""`darkroom redrive`: what was given up is sent again."""
