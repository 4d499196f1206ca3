"""AWS clients. A waiting request must end before the gateway loses patience, so none is tried for long."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.config import Config
from botocore.session import Session

CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
# What tells the SDK of an emulator or another endpoint; such ones are reached by path, not by host name.
ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")


def maker(session: Session, service: str) -> Callable[[], Any]:
    """Return what makes a client of a service."""
    return lambda: session.create_client(service, config=CONFIG)


def s3_maker(session: Session, env: Mapping[str, str]) -> Callable[[], Any]:
    """Return what makes the S3 client: SigV4, the region's own endpoint, path style where one was set."""
    style = "path" if any(env.get(name) for name in ENDPOINTS) else "virtual"
    s3 = {"addressing_style": style, "us_east_1_regional_endpoint": "regional"}
    config = CONFIG.merge(Config(signature_version="s3v4", s3=s3))
    return lambda: session.create_client("s3", config=config)
