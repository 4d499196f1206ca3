"""Clients of AWS for what the console only looks at: a page waits, so they are not patient."""

import threading
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from console.settings import AwsSource

CONNECT_TIMEOUT = 2  # seconds
READ_TIMEOUT = 5  # seconds
# An emulator takes any; the user's own have no business there.
_EMULATOR = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

type Clients = Callable[[str], Any]


class AwsClients:
    """boto3's clients by service name; made once each, usable from any thread.

    Those for AWS use the credentials of the user's environment (`AWS_PROFILE` and so on).
    """

    def __init__(self, source: AwsSource) -> None:
        self._source = source
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()  # making clients is not thread-safe in boto3, using them is

    def __call__(self, service: str) -> Any:
        """Return the client of a service ("sqs", "dynamodb", "s3").

        Raises:
            botocore.exceptions.BotoCoreError: it cannot be made, as where a profile does not exist.
        """
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str) -> Any:
        emulator = self._source.endpoint_url
        config = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"total_max_attempts": 1 if emulator else 2, "mode": "standard"},
            max_pool_connections=16,
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"} if emulator else None,
            proxies={} if emulator else None,
        )
        session = boto3.session.Session(region_name=self._source.region, **(_EMULATOR if emulator else {}))
        return session.client(service, endpoint_url=emulator, config=config)
