"""AWS clients. A waiting request must end before the gateway loses patience, so none is tried for long."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.config import Config
from botocore.session import Session

from s3io.presigning import signing_config

CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})


def maker(session: Session, service: str) -> Callable[[], Any]:
    """Return what makes a client of a service."""
    return lambda: session.create_client(service, config=CONFIG)


def s3_maker(session: Session, env: Mapping[str, str]) -> Callable[[], Any]:
    """Return what makes the S3 client, which presigns too."""
    return lambda: session.create_client("s3", config=signing_config(CONFIG, env))
