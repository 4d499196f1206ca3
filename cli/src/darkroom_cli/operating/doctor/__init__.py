"""`darkroom doctor`: why tasks do not move, and what to do about it."""
