"""What is made of the chart: its archive, and the table in its README (`reference`)."""

from sd_on_eks_chart.archive import archive_name, pack
from sd_on_eks_chart.errors import ChartError

__all__ = ["ChartError", "archive_name", "pack"]
