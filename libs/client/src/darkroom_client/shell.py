"""What both clients are around their calls: the connection, and the requests that steps mean."""

from abc import ABC, abstractmethod
from typing import Self

import httpx

from darkroom_client.connection import Connection
from darkroom_client.flows import Flows
from darkroom_client.models import Task
from darkroom_client.retrying import Retries
from darkroom_client.steps import Ask, Put, Request


def unwatched(_: Task) -> None:
    """Nobody wants to know."""


class Shell[Http: (httpx.Client, httpx.AsyncClient)](ABC):
    """A deployment's API."""

    def __init__(
        self,
        endpoint: str,
        api_key: str,
        *,
        retries: Retries | None = None,
        timeout: float = 30.0,
        http: Http | None = None,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            endpoint: the stack's output `FrontApiEndpoint`.
            api_key: sent as `x-api-key`, never logged.
            retries: how patient it is.
            timeout: seconds that an answer may take.
            http: a client of your own, for proxies or certificates; you close it.

        Raises:
            BadArgumentError: endpoint or key cannot be one; the key would travel in the clear.
        """
        self._connection = Connection(endpoint, api_key)
        self._flows = Flows(retries or Retries(), timeout)
        self._owned = http is None
        self._http: Http = self._new_http(proxies=self._connection.proxies) if http is None else http

    @classmethod
    def from_environment(cls) -> Self:
        """Make a client from `DARKROOM_ENDPOINT` and `DARKROOM_API_KEY`.

        Raises:
            BadArgumentError: one is missing.
        """
        connection = Connection.from_environment()
        return cls(connection.endpoint, connection.api_key)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._connection.endpoint!r})"

    @staticmethod
    @abstractmethod
    def _new_http(*, proxies: bool) -> Http:
        """Make what sends requests; `proxies`: the environment's hold."""

    def _request(self, step: Request, body: bytes = b"") -> httpx.Request:
        """Make the request that a step means; `body` is what a `Put` sends. The key goes to the API only."""
        if isinstance(step, Ask):
            return self._http.build_request(
                step.method,
                self._connection.url(step.path),
                params=step.params,
                headers=self._connection.headers(step.headers),
                json=step.body,
                timeout=step.timeout,
            )
        if isinstance(step, Put):
            return self._http.build_request(
                "PUT", step.url, headers=step.headers, content=body, timeout=step.timeout
            )
        return self._http.build_request("GET", step.url, timeout=step.timeout)
