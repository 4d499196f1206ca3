"""What is installed in a cluster, in versions that are known to go together."""

from typing import Final

KARPENTER: Final = "1.14.1"  # Kubernetes 1.29 to 1.36
KEDA: Final = "2.20.2"  # tested by KEDA with Kubernetes 1.33 to 1.35
