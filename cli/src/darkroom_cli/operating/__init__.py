"""What operators do with a deployment: `verify`, `doctor` and `models`."""
