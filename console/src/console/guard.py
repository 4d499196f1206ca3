"""Who may ask: the first thing that a request meets, and the last that its answer passes.

Any page that the user's browser shows can make it send requests to loopback. So
- only our own names are served: a name of somebody else's that resolves to 127.0.0.1 (DNS rebinding) is not;
- `/api` is for our own page: what a browser says of a request's origin must be us, and what changes something
  needs a header that forms cannot send and for which a browser asks first (CORS), which is never answered;
- all of `/api` needs the cookie that the printed address was exchanged for. Other users of this machine can
  reach loopback too, and have no cookie.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.answers import refusal
from console.errors import RefusedError

#: The header that each request that changes something has to have.
MARK = "X-Darkroom-Console"
#: Takes bytes of any type; all else that is posted is JSON.
UPLOADS = "/api/uploads"

_READING = {"GET", "HEAD"}
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_OPEN_IT_AGAIN = "open the address that `./darkroom up` or `./darkroom console` printed"


@dataclass(frozen=True)
class Pass:
    """What lets a page in: the port that the server is on, and the secret of the printed address."""

    port: int
    token: str = field(repr=False)

    @property
    def url(self) -> str:
        """The address to print; it is a secret."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    @property
    def hosts(self) -> tuple[str, str]:
        """The values of `Host` that are ours."""
        return (f"127.0.0.1:{self.port}", f"localhost:{self.port}")

    @property
    def cookie(self) -> str:
        """Name of the cookie. Cookies are not told apart by port: the name is."""
        return f"darkroom_console_{self.port}"

    def is_token(self, text: str) -> bool:
        """Compare in a time that tells nothing."""
        return secrets.compare_digest(text.encode(errors="replace"), self.token.encode())


class Guard:
    """ASGI middleware around everything, so that answers to faults of ours have the headers too."""

    def __init__(self, app: ASGIApp, entry: Pass) -> None:
        self._app = app
        self._entry = entry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, _with_headers(send))

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answer(scope, Headers(scope=scope))
        await (self._app if answer is None else answer)(scope, receive, send)

    def _answer(self, scope: Scope, headers: Headers) -> Response | None:
        """Return what a request is answered with here; None where it may pass."""
        method, path = scope["method"], scope["path"]
        try:
            host = self._check_host(headers)
            if path == "/api" or path.startswith("/api/"):
                _check_origin(method, host, headers)
                self._check_cookie(headers)
                _check_type(method, path, headers)
                return None
        except RefusedError as exc:
            return refusal(exc)
        token = QueryParams(scope["query_string"]).get("token")
        return self._exchange(token) if path == "/" and method == "GET" and token is not None else None

    def _check_host(self, headers: Headers) -> str:
        given = headers.getlist("host")
        if len(given) != 1 or given[0] not in self._entry.hosts:
            raise RefusedError.of(400, "bad_host", f"this is {self._entry.hosts[0]} and nothing else", "Host")
        return given[0]

    def _check_cookie(self, headers: Headers) -> None:
        if not any(self._entry.is_token(value) for value in _cookies(headers, self._entry.cookie)):
            raise RefusedError.of(401, "unauthorized", f"this browser is not let in: {_OPEN_IT_AGAIN}")

    def _exchange(self, token: str) -> Response:
        if not self._entry.is_token(token):
            return PlainTextResponse(f"This address is not valid any more: {_OPEN_IT_AGAIN} last.\n", 401)
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(self._entry.cookie, self._entry.token, path="/", httponly=True, samesite="strict")
        return answer


def _check_origin(method: str, host: str, headers: Headers) -> None:
    """Refuse what a browser says comes from another page, and what does not come from a script of ours."""
    if any(origin != f"http://{host}" for origin in headers.getlist("origin")):
        raise _foreign("Origin")
    reading = method in _READING
    for site in headers.getlist("sec-fetch-site"):
        typed = site == "none" and reading and headers.get("sec-fetch-mode") == "navigate"
        if site != "same-origin" and not typed:
            raise _foreign("Sec-Fetch-Site")
    if not reading and headers.getlist(MARK) != ["1"]:
        raise RefusedError.of(403, "forbidden", f"the header {MARK}: 1 is missing", MARK)


def _foreign(header: str) -> RefusedError:
    return RefusedError.of(403, "forbidden", "only the console's own page may ask", header)


def _check_type(method: str, path: str, headers: Headers) -> None:
    if method in _READING or method == "DELETE" or path == UPLOADS:
        return
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        message = "the header Content-Type must be application/json"
        raise RefusedError.of(415, "unsupported_media_type", message, "Content-Type")


def _cookies(headers: Headers, name: str) -> list[str]:
    pairs = (pair.partition("=") for line in headers.getlist("cookie") for pair in line.split(";"))
    return [value.strip() for key, _, value in pairs if key.strip() == name]


def _with_headers(send: Send, defaults: Mapping[str, str] = _HEADERS) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in defaults.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
