"""AWS clients, made quickly: much of a cold start is botocore looking around."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session

from s3io.presigning import signing_config

QUICK = ("dynamodb", "sns")
CONNECT_TIMEOUT = 1  # second
READ_TIMEOUT = 3  # seconds
RETRIES = 2

CONFIG = Config(
    connect_timeout=CONNECT_TIMEOUT,
    read_timeout=READ_TIMEOUT,
    retries={"mode": "standard", "total_max_attempts": 1 + RETRIES},
)


class _QuickLoader(Loader):  # type: ignore[misc]  # botocore has no types
    """A loader of botocore's data that leaves out what our clients need not have.

    It is told the services instead of listing four hundred folders; and it makes the endpoints, a file of
    more than a megabyte, from the partitions. Which URL is called is decided by each service's own rules:
    the tests compare URLs and signatures with those of a session that was left alone.
    """

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's signature
        return list(QUICK)

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        if name != "endpoints":
            return tuple(super().load_data_with_path(name))
        partitions, path = super().load_data_with_path("partitions")
        try:
            made = [_endpoints_of(partition) for partition in partitions["partitions"]]
        except (KeyError, TypeError):  # the botocore of a later Lambda runtime may have another shape
            return tuple(super().load_data_with_path(name))
        return {"version": 3, "partitions": made}, path


def _endpoints_of(partition: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "partition": partition["id"],
        "dnsSuffix": partition["outputs"]["dnsSuffix"],
        "regionRegex": partition["regionRegex"],
        "regions": partition["regions"],
        "services": {},
        "defaults": {
            "hostname": "{service}.{region}.{dnsSuffix}",
            "protocols": ["https"],
            "signatureVersions": ["v4"],
        },
    }


def quick_session() -> Session:
    """Return a session that makes the clients of every request: `QUICK`. It reads the usual AWS variables."""
    session = Session()
    session.register_component("data_loader", _QuickLoader())
    return session


class S3:
    """The client that few requests need, and what its links are signed with; made for the first that asks.

    It is made in botocore's own way: S3 has endpoints with rules of old.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    @cached_property
    def _session(self) -> Session:
        return Session()

    @cached_property
    def _client(self) -> Any:
        return self._session.create_client("s3", config=signing_config(CONFIG, self._env))

    def client(self) -> Any:
        """Return the client."""
        return self._client

    def credentials(self) -> Any:
        """Return the client's credentials."""
        return self._session.get_credentials()
