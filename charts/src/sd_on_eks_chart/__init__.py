"""What is made of the chart: its archive, for a registry or a web server, and the table in its README."""

from sd_on_eks_chart.archive import archive_name, pack
from sd_on_eks_chart.errors import ChartError
from sd_on_eks_chart.reference import Value, table, values, with_table

__all__ = ["ChartError", "Value", "archive_name", "pack", "table", "values", "with_table"]
