"""How a sketch is traced: as the images of the real runtimes are (docs/operate/tracing-runtimes.md)."""

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

LAYER = Path(__file__).with_name("layer")

# Of OpenTelemetry; its sitecustomize.py instruments whatever Python starts with it on its path, and that is
# all that `opentelemetry-instrument` does with it too. That command needs a start of Python more.
_HOOK = "opentelemetry.instrumentation.auto_instrumentation"


def traced(environ: Mapping[str, str], *, service: str, endpoint: str | None) -> dict[str, str]:
    """Return the environment in which `python -m local.sketch` sends its server spans.

    Args:
        environ: the one in which it sends none.
        service: its `service.name`.
        endpoint: base URL of an OTLP receiver; None: the same environment.
    """
    hook = importlib.util.find_spec(_HOOK) if endpoint else None
    if endpoint is None or hook is None or hook.origin is None:
        return dict(environ)
    folders = (str(Path(hook.origin).parent), str(LAYER), environ.get("PYTHONPATH", ""))
    return {
        **environ,
        "PYTHONPATH": os.pathsep.join(folder for folder in folders if folder),
        "OTEL_PYTHON_DISTRO": "darkroom",
        "OTEL_SERVICE_NAME": service,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
    }
