class ChartError(Exception):
    """A chart's folder, or its README, is not what is expected of it."""
