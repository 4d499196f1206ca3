"""Logs as one JSON object a line, in the same shape as the Lambdas' logs."""

import logging
import sys
import traceback
from types import TracebackType

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from telemetry.logs import TraceFields

_MAX_CAUSES = 5


class Formatter(LambdaPowertoolsFormatter):
    """Says where an exception came from, and not what it says: that may quote a prompt."""

    def formatException(  # noqa: N802 - logging's name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        """Return the exceptions' types and the lines of code, the first cause first."""
        parts: list[str] = []
        error: BaseException | None = ei[1]
        while error is not None and len(parts) < _MAX_CAUSES:
            frames = "".join(traceback.format_tb(error.__traceback__))
            parts.append(f"{frames}{type(error).__module__}.{type(error).__qualname__}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(reversed(parts))


def configure(level: str, *, service: str, runtime: str) -> None:
    """Send all logs to standard output as JSON.

    Libraries that would log URLs with their query strings are kept quiet: those may hold signatures.
    """
    formatter = Formatter(
        utc=True, log_record_order=["timestamp", "level", "message"], serialize_stacktrace=False
    )
    formatter.append_keys(service=service, runtime=runtime)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    handler.addFilter(TraceFields())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in ("httpx", "httpcore", "botocore", "boto3", "urllib3", "s3transfer", "websockets"):
        logging.getLogger(name).setLevel(logging.WARNING)
