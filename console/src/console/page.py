"""The page as `npm run build` made it: index and assets, held in memory, packed once."""

import gzip
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from console.errors import PageMissingError

INDEX = "index.html"
_TYPES = {
    INDEX: "text/html; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "app.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
# A browser asks each time, and is told in a few bytes that nothing has changed.
_CACHING = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}


@dataclass(frozen=True)
class _Form:
    """A file in one encoding."""

    body: bytes
    tag: str
    encoding: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        encoded = {} if self.encoding is None else {"Content-Encoding": self.encoding}
        return {**_CACHING, **encoded, "ETag": self.tag}


@dataclass(frozen=True)
class _File:
    media_type: str
    plain: _Form
    packed: _Form

    @classmethod
    def of(cls, name: str, body: bytes) -> "_File":
        digest = hashlib.sha256(body).hexdigest()[:32]
        packed = gzip.compress(body, mtime=0)
        return cls(_TYPES[name], _Form(body, f'"{digest}"'), _Form(packed, f'"{digest}-gzip"', "gzip"))

    def answer(self, request: Request) -> Response:
        form = self.packed if _takes_gzip(request.headers.get("accept-encoding", "")) else self.plain
        known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
        if form.tag in known or "*" in known:
            return Response(status_code=304, headers=form.headers)
        return Response(form.body, media_type=self.media_type, headers=form.headers)


class Page:
    """The files of the page."""

    def __init__(self, file: Callable[[str], _File]) -> None:
        self._file = file

    @classmethod
    def built_in(cls) -> "Page":
        """Return the page that came with this package.

        Raises:
            PageMissingError: it was not built.
        """
        folder = resources.files("console").joinpath("page")
        try:
            files = {name: _File.of(name, folder.joinpath(name).read_bytes()) for name in _TYPES}
        except OSError as exc:
            raise PageMissingError(
                "the console's page was not built; run `npm run build` in console/page and give --page FOLDER"
            ) from exc
        return cls(files.__getitem__)

    @classmethod
    def of_folder(cls, folder: Path) -> "Page":
        """Return the page of a folder, which is read anew at each request: for development.

        Raises:
            PageMissingError: a file is missing there.
        """
        for name in _TYPES:
            if not (folder / name).is_file():
                raise PageMissingError(f"{folder} has no {name}; run `npm run build` in console/page")
        return cls(lambda name: _File.of(name, (folder / name).read_bytes()))

    def index(self, request: Request) -> Response:
        """Answer with the page itself."""
        return self._file(INDEX).answer(request)

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes of the assets."""
        return [Route(f"/assets/{name}", self._asset(name)) for name in _TYPES if name != INDEX]

    def _asset(self, name: str) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            return self._file(name).answer(request)

        return endpoint


def _takes_gzip(header: str) -> bool:
    """Whether an `Accept-Encoding` names gzip and does not give it the weight 0."""
    for part in header.split(","):
        name, *parameters = (text.strip().lower() for text in part.split(";"))
        if name == "gzip":
            weights = [text.partition("=")[2].strip() for text in parameters if text.startswith("q")]
            return not any(_is_zero(weight) for weight in weights)
    return False


def _is_zero(weight: str) -> bool:
    return weight != "" and set(weight) <= {"0", "."}
