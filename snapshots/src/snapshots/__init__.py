"""EBS snapshots of a Bottlerocket data volume with container images inside."""
