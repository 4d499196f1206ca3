"""Where the API is, and the key to it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

import httpx

from darkroom_client.errors import BadArgumentError

ENDPOINT_VARIABLE = "DARKROOM_ENDPOINT"
KEY_VARIABLE = "DARKROOM_API_KEY"


@dataclass(frozen=True)
class Connection:
    """An endpoint (the stack's output `FrontApiEndpoint`; the API's version is appended) and an API key."""

    endpoint: str
    api_key: str = field(repr=False)

    def __post_init__(self) -> None:
        try:
            url = httpx.URL(self.endpoint)
        except (httpx.InvalidURL, TypeError) as exc:
            raise BadArgumentError("the endpoint is not a URL") from exc
        if url.scheme not in {"https", "http"} or not url.host:
            raise BadArgumentError("the endpoint must be an https:// URL")
        if url.scheme == "http" and not _is_loopback(url.host):
            raise BadArgumentError("the key would travel in the clear: http:// is for this machine only")
        if url.query or url.fragment or url.userinfo:
            raise BadArgumentError("the endpoint must have no query, fragment or password")
        if not self.api_key or not self.api_key.isascii() or not self.api_key.isprintable():
            raise BadArgumentError("the API key is empty, or has characters that no key has")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Connection":
        """Read `DARKROOM_ENDPOINT` and `DARKROOM_API_KEY`.

        Raises:
            BadArgumentError: one is missing or wrong.
        """
        for name in (ENDPOINT_VARIABLE, KEY_VARIABLE):
            if not environ.get(name):
                raise BadArgumentError(f"{name} is not set")
        return cls(environ[ENDPOINT_VARIABLE], environ[KEY_VARIABLE])

    @property
    def proxies(self) -> bool:
        """Whether proxy variables hold: not for what is on this machine."""
        return not _is_loopback(httpx.URL(self.endpoint).host)

    def url(self, path: str) -> str:
        """Return the URL of a path of the API."""
        return f"{self.endpoint.rstrip('/')}/{path}"

    def headers(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of a request."""
        return {"x-api-key": self.api_key, "accept": "application/json", **more}


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
