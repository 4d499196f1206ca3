"""The console: a page to submit tasks, watch them and look into them, and its server on loopback."""
