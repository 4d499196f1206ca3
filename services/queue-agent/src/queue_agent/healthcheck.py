"""`python -m queue_agent.healthcheck`: what a container engine asks, since images have no curl.

Exit code 0: the agent of this machine says that it lives (`/livez` on `HEALTH_PORT`); 1: it does not.
"""

import http.client
import os
import sys
from collections.abc import Mapping

TIMEOUT = 4.0  # seconds; the Dockerfile gives 5


def lives(environ: Mapping[str, str]) -> bool:
    """Ask the agent of `HEALTH_PORT` whether it lives."""
    try:
        connection = http.client.HTTPConnection(
            "127.0.0.1", int(environ.get("HEALTH_PORT", "")), timeout=TIMEOUT
        )
        try:
            connection.request("GET", "/livez")
            return connection.getresponse().status == http.client.OK
        finally:
            connection.close()
    except (OSError, ValueError, OverflowError, http.client.HTTPException):
        return False


if __name__ == "__main__":
    sys.exit(0 if lives(os.environ) else 1)
