"""Counts for CloudWatch, as lines of a Lambda's log in the embedded metric format."""

import json
import time
from collections import Counter
from collections.abc import Callable
from threading import Lock

NAMESPACE = "Darkroom"


class EmfMeter:
    """Counts, and writes the counts when it is told to: one line for each name and set of dimensions.

    Args:
        service: a dimension of every metric.
        write: takes a line; Lambda's log is what is printed.
    """

    def __init__(self, *, service: str, write: Callable[[str], object] = print) -> None:
        self._service = service
        self._write = write
        self._counts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
        self._lock = Lock()

    def count(self, name: str, number: int = 1, /, **dimensions: str) -> None:
        """Count something. Each set of values is a metric of its own and costs as one: only few of them."""
        with self._lock:
            self._counts[name, tuple(sorted(dimensions.items()))] += number

    def flush(self) -> None:
        """Write what was counted since the last time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        for (name, dimensions), number in counts.items():
            self._write(self._line(name, dict(dimensions), number))

    def _line(self, name: str, dimensions: dict[str, str], number: int) -> str:
        metric = {
            "Namespace": NAMESPACE,
            "Dimensions": [[*dimensions, "service"]],
            "Metrics": [{"Name": name, "Unit": "Count"}],
        }
        about = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [metric]}
        return json.dumps({"_aws": about, **dimensions, "service": self._service, name: number})
