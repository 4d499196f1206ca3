import threading
from typing import Any

import boto3
from botocore.config import Config

from local.ministack import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY

CONNECT_TIMEOUT = 5  # seconds
READ_TIMEOUT = 60  # seconds; longer than a long poll


class Clients:
    """boto3 clients of one emulator; made once each, usable from any thread.

    Whatever credentials, profiles, proxies or endpoints the user's environment has, they are not used. S3
    uses path style (no name resolves for a bucket) and signature version 4 (the emulator does not check
    older ones).
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = boto3.session.Session(
            aws_access_key_id=ACCESS_KEY_ID, aws_secret_access_key=SECRET_ACCESS_KEY, region_name=REGION
        )
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()  # making clients is not thread-safe in boto3, using them is

    def client(self, service: str) -> Any:
        """Return the client of a service ("s3", "sqs", "cloudformation", ...)."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str) -> Any:
        extra = {"signature_version": "s3v4", "s3": {"addressing_style": "path"}} if service == "s3" else {}
        config = Config(
            proxies={},
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            max_pool_connections=32,
            **extra,
        )
        return self._session.client(service, endpoint_url=self.url, config=config)
