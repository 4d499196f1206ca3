"""The EKS cluster that the runtimes live in, with all that it needs to scale them (DESIGN 8)."""
