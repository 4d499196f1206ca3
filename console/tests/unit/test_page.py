import gzip
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from console.errors import PageMissingError
from console.page import Page
from console.testing import a_page


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return a_page(tmp_path)


async def get(page: Page, path: str, **headers: str) -> httpx.Response:
    app = Starlette(routes=[Route("/", page.index), *page.routes()])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page") as client:
        client.headers.clear()
        async with client.stream("GET", path, headers=headers) as answer:
            raw = b"".join([part async for part in answer.aiter_raw()])
        answer._content = raw
        return answer


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/assets/app.js", "text/javascript; charset=utf-8"),
        ("/assets/app.css", "text/css; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml"),
    ],
)
async def test_each_file_has_its_type_a_tag_and_is_asked_for_again_each_time(
    page: Page, path: str, kind: str
) -> None:
    answer = await get(page, path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == kind
    assert answer.headers["etag"].startswith('"')
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("header", ["gzip", "br, gzip;q=0.5", "deflate,GZIP", "gzip; q=1"])
async def test_a_browser_that_takes_gzip_gets_less(page: Page, header: str) -> None:
    plain = await get(page, "/assets/app.js")
    packed = await get(page, "/assets/app.js", **{"Accept-Encoding": header})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content)
    assert packed.headers["etag"] != plain.headers["etag"]


@pytest.mark.parametrize("header", ["", "br", "gzip;q=0", "gzip; q=0.000", "xgzip"])
async def test_who_does_not_take_gzip_gets_it_plain(page: Page, header: str) -> None:
    answer = await get(page, "/assets/app.js", **{"Accept-Encoding": header})
    assert "content-encoding" not in answer.headers
    assert answer.content.startswith(b"console.log")


async def test_what_a_browser_has_already_is_not_sent_again(page: Page) -> None:
    tag = (await get(page, "/")).headers["etag"]
    again = await get(page, "/", **{"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert (await get(page, "/", **{"If-None-Match": '"other"'})).status_code == 200


async def test_a_folder_is_read_anew_each_time(page: Page, tmp_path: Path) -> None:
    (tmp_path / "app.css").write_text("body { color: red }")
    assert (await get(page, "/assets/app.css")).text == "body { color: red }"


def test_a_folder_without_a_page_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PageMissingError, match="run `npm run build`"):
        Page.of_folder(tmp_path)


@pytest.mark.parametrize(
    "path", ["/assets/", "/assets/index.html", "/assets/..%2fBUILD", "/index.html", "/assets/app.js/"]
)
async def test_nothing_else_is_there(page: Page, path: str) -> None:
    assert (await get(page, path)).status_code in (404, 307)
