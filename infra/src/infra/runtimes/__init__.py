"""One runtime in the cluster: its role and the release of its chart (DESIGN 8)."""
