"""One attempt at a webhook: one request, to an address that was checked, followed nowhere."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from netguard import AddressGuard, GuardedTransport, Resolver, UrlRefusedError, checked_url

SECONDS: Final = 3.0
#: What is read of an answer, in all: its status and one header are wanted.
MOST_BYTES: Final = 16 * 1024
USER_AGENT: Final = "Darkroom-Webhooks/1"
LOOPBACK: Final = ("127.0.0.0/8", "::1")

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_SUCCESS = range(200, 300)
_GONE = 410


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt.

    `status` is None where nobody answered; then `error` is a word for why. `refused`: it will never be sent.
    """

    status: int | None = None
    retry_after: str | None = None
    error: str | None = None
    refused: bool = False

    @property
    def is_success(self) -> bool:
        """The receiver has it; a redirect is none."""
        return self.status in _SUCCESS

    @property
    def kind(self) -> str:
        """The class of its status, such as `2xx`; `refused` or `none` where there was no answer."""
        if self.status is not None:
            return f"{self.status // 100}xx"
        return "refused" if self.refused else "none"

    @property
    def is_gone(self) -> bool:
        """The receiver wants no more of it."""
        return self.status == _GONE


class HttpPoster:
    """Posts to receivers, all of which are strangers (`netguard`).

    Each attempt looks the host up once, and connects to what was found and checked: what another look-up
    would say does not matter. Nothing is kept between attempts: neither connections nor cookies.
    """

    def __init__(
        self,
        guard: AddressGuard,
        *,
        insecure: bool = False,
        resolver: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:
        """Make a poster.

        Args:
            guard: says which addresses are good.
            insecure: http to this machine is good, too.
            resolver: looks hosts up.
            ssl_context: verifies certificates.
            seconds: how long one attempt may take as a whole.
        """
        self._transport = GuardedTransport(
            guard, resolver=resolver, ssl_context=ssl_context, most_bytes=MOST_BYTES
        )
        self._insecure = insecure
        self._seconds = seconds

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Make one attempt; whatever a receiver does is an answer, and raises nothing."""
        answer: Answer | None = None
        try:
            request = self._request(url, headers, body)
            async with asyncio.timeout(self._seconds):
                response = await self._transport.handle_async_request(request)
                answer = Answer(response.status_code, response.headers.get("retry-after"))
                await response.aclose()
        except UrlRefusedError as exc:
            return Answer(error=type(exc).__name__, refused=True)
        except Exception as exc:  # noqa: BLE001 - what one receiver does must not keep others from being told
            return answer or Answer(error=type(exc).__name__)
        return answer

    def _request(self, url: str, headers: Mapping[str, str], body: bytes) -> httpx.Request:
        target = checked_url(url)
        if target.scheme != "https" and not (self._insecure and target.host in _THIS_MACHINE):
            raise UrlRefusedError("webhooks go to https:// only")
        return httpx.Request(
            "POST",
            target.copy_with(fragment=None),
            headers={"content-type": "application/json", "user-agent": USER_AGENT, **headers},
            content=body,
            extensions={"timeout": httpx.Timeout(self._seconds).as_dict()},
        )
