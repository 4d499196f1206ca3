"""The Lambda behind the API: it accepts tasks or says exactly why not (DESIGN 4.1)."""
