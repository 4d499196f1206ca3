"""Pictures and files through the server, from a store that may send anything, or break off."""

import io
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from PIL import Image

from console import pictures
from console.thumbnails import AT_ONCE
from darkroom_client.testing import Say, Seen

IMAGE = "/api/tasks/a/images/0"
THUMB = f"{IMAGE}/thumb"
HTML = b"<!doctype html><script>alert(document.cookie)</script>"
PNG = b"\x89PNG\r\n\x1a\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


def picture(kind: str = "PNG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **how: Any) -> bytes:
    file = io.BytesIO()
    image = Image.effect_noise(size, 90).convert(mode)
    if mode.endswith("A"):
        image.putalpha(Image.linear_gradient("L").resize(size))
    image.save(file, kind, **how)
    return file.getvalue()


def bomb(width: int = 20_000, height: int = 20_000) -> bytes:
    """A PNG of some KB that is 400 million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compressobj()
    row = b"\0" * (width // 8 + 1)
    data = b"".join(rows.compress(row) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", "image/gif")],
)
def test_a_picture_is_shown_as_it_is_with_the_type_of_its_bytes(
    store: Any,
    browser: httpx.Client,
    kind: str,
    content_type: str,
) -> None:
    data = picture(kind, (700, 500))
    store.made(Say(200, data, {"Content-Type": "text/html"}))
    answer = browser.get(IMAGE)
    assert answer.status_code == 200
    assert answer.content == data
    assert answer.headers["content-type"] == content_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-disposition" not in answer.headers


def test_a_large_picture_comes_whole(store: Any, browser: httpx.Client) -> None:
    data = picture(size=(700, 700), mode="RGB")
    store.made(data)
    answer = browser.get(IMAGE)
    assert len(data) > pictures.HEAD * 10
    assert answer.content == data
    assert answer.headers["content-length"] == str(len(data))


def test_a_picture_whose_header_comes_late_is_shown(store: Any, browser: httpx.Client) -> None:
    data = picture("JPEG", exif=b"Exif\0\0" + b"\0" * 60_000, icc_profile=b"\1" * 200_000)
    store.made(data)
    assert browser.get(IMAGE).content == data


@pytest.mark.parametrize(
    "data", [HTML, SVG, b"", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + HTML, b"%PDF-1.7"]
)
@pytest.mark.parametrize("path", [IMAGE, THUMB])
def test_what_is_no_picture_is_never_shown_whatever_it_is_called(
    store: Any, browser: httpx.Client, path: str, data: bytes
) -> None:
    store.made(Say(200, data, {"Content-Type": "image/png"}), name="a-abcd-{n}.png")
    answer = browser.get(path)
    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "not_a_picture"
    assert answer.headers["content-type"] == "application/json"


def test_a_picture_with_html_behind_it_is_only_ever_a_picture(store: Any, browser: httpx.Client) -> None:
    store.made(picture("GIF") + HTML, name="a-abcd-{n}.html")
    answer = browser.get(IMAGE)
    assert answer.headers["content-type"] == "image/gif"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("data", [HTML, SVG, picture()])
def test_anything_can_be_saved_and_nothing_that_is_saved_is_shown(
    store: Any, browser: httpx.Client, data: bytes
) -> None:
    store.made(Say(200, data, {"Content-Type": "text/html"}))
    answer = browser.get(f"{IMAGE}?download=1")
    assert answer.content == data
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="a-abcd-1.png"'
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_a_file_takes_its_name_from_the_same_look_as_its_bytes(store: Any, browser: httpx.Client) -> None:
    store.made(picture())
    store.tasks["a"]["status"] = "running"  # of such a task no look is kept
    assert "a-abcd-1.png" in browser.get(f"{IMAGE}?download=1").headers["content-disposition"]
    assert store.looks() == 1


def test_what_was_seen_before_the_clock_was_set_back_is_looked_at_again(
    store: Any, browser: httpx.Client, clock: Any
) -> None:
    store.made(picture())
    browser.get(IMAGE)
    clock.now -= 1800
    browser.get(IMAGE)
    clock.now += 1800
    assert store.looks() == 2


def test_a_file_name_cannot_say_anything_else(store: Any, browser: httpx.Client) -> None:
    store.has("succeeded", images=[store.put("x", b"1")])
    store.tasks["a"]["images"][0]["s3"] = 's3://out/output/a/..x";\r\nSet-Cookie: a=<b>é.html'
    answer = browser.get(f"{IMAGE}?download=1")
    assert answer.headers["content-disposition"] == 'attachment; filename="x____Set-Cookie__a__b__.html"'
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", [IMAGE, THUMB])
def test_a_decompression_bomb_is_refused_by_its_header(store: Any, browser: httpx.Client, path: str) -> None:
    data = bomb()
    assert len(data) < 100_000
    store.made(data)
    answer = browser.get(path)
    assert answer.status_code == 415
    assert "400 million pixels" in answer.json()["error"]["message"]


def test_what_is_endless_is_given_up(
    store: Any, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MAX_SHOWN", 100_000)
    store.made(picture(size=(400, 400)), b"\xff\xd8\xff" + b"\0" * 300_000)
    for path in (THUMB, "/api/tasks/a/images/1"):
        answer = browser.get(path)
        assert answer.status_code == 415
        assert "can only be saved" in answer.json()["error"]["message"]


def test_a_download_that_breaks_off_is_seen_to_be_not_whole(store: Any, browser: httpx.Client) -> None:
    store.made(Say(200, picture(size=(700, 700)), cut=True))
    for path in (IMAGE, f"{IMAGE}?download=1"):
        with pytest.raises(httpx.RemoteProtocolError):
            browser.get(path)


@pytest.mark.parametrize("path", [IMAGE, THUMB])
def test_a_picture_that_breaks_off_early_is_a_refusal(store: Any, browser: httpx.Client, path: str) -> None:
    store.made(Say(200, picture(), cut=True))
    answer = browser.get(path)
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "unavailable"


def test_a_picture_that_was_stored_broken_has_no_thumbnail(store: Any, browser: httpx.Client) -> None:
    data = picture(size=(400, 400))
    store.made(data[: len(data) // 2])
    answer = browser.get(THUMB)
    assert answer.status_code == 415
    assert answer.json()["error"]["message"] == "the picture is broken: it can only be saved"


def test_an_address_that_has_run_out_is_asked_for_anew_once(store: Any, browser: httpx.Client) -> None:
    data = picture()
    answers = [Say(403, b"<Error>Request has expired</Error>"), Say(200, data)]
    store.made(data)
    script = store.server.script
    store.server.script = lambda seen: answers.pop(0) if "/bucket/" in seen.path else script(seen)
    assert browser.get(IMAGE).content == data
    assert store.looks() == 2


@pytest.mark.parametrize(
    "case",
    [
        (Say(403, b"<Error>AccessDenied</Error>"), 502, "the store answered 403"),
        (Say(404, b"<Error>NoSuchKey</Error>"), 404, "no such object any more"),
        (Say(500), 502, "the store answered 500"),
        (Say(302, b"", {"Location": "http://127.0.0.1:9/"}), 502, "the store answered 302"),
        (Say(drop=True), 502, "the store does not answer"),
        (Say(200, b"x", {"Content-Encoding": "gzip"}), 502, "encoding that was not asked for"),
    ],
)
@pytest.mark.parametrize("path", [IMAGE, THUMB, f"{IMAGE}?download=1"])
def test_what_the_store_refuses_is_told_in_words(
    store: Any, browser: httpx.Client, path: str, case: tuple[Say, int, str]
) -> None:
    say, status, words = case
    store.made(say)
    answer = browser.get(path)
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]
    assert "s3://out/output/a/a-abcd-1.png" in answer.json()["error"]["message"]


def test_the_store_gets_no_key_of_ours(store: Any, browser: httpx.Client) -> None:
    store.made(picture())
    browser.get(IMAGE)
    [seen] = store.fetched()
    assert "x-api-key" not in seen.headers
    assert "cookie" not in seen.headers


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/tasks/a/images/1", 404),
        ("/api/tasks/a/images/x", 404),
        ("/api/tasks/a/images/-1", 404),
        ("/api/tasks/a/images/99999999999", 404),
        ("/api/tasks/b/images/0", 404),
        ("/api/tasks/..%2f..%2fx/images/0", 404),
    ],
)
def test_what_there_is_not_is_not_found(store: Any, browser: httpx.Client, path: str, status: int) -> None:
    store.made(picture())
    for asked in (path, f"{path}/thumb", f"{path}?download=1"):
        assert browser.get(asked).status_code == status


def test_an_id_that_went_to_another_task_does_not_show_that_ones_pictures(
    store: Any, browser: httpx.Client
) -> None:
    store.made(picture())
    answer = browser.get(IMAGE, params={"s": "8a4c2b0e-0000-4000-8000-00000000000f"})
    assert answer.status_code == 404
    assert "another task" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("mode", "kind", "content_type"),
    [
        ("RGB", "PNG", "image/jpeg"),
        ("L", "PNG", "image/jpeg"),
        ("CMYK", "JPEG", "image/jpeg"),
        ("I;16", "PNG", "image/jpeg"),
        ("1", "PNG", "image/jpeg"),
        ("L", "GIF", "image/jpeg"),
        ("RGBA", "GIF", "image/webp"),
        ("RGBA", "PNG", "image/webp"),
        ("RGBA", "WEBP", "image/webp"),
        ("LA", "PNG", "image/webp"),
    ],
)
def test_a_thumbnail_is_small_and_keeps_its_shape_and_transparency(
    store: Any,
    browser: httpx.Client,
    mode: str,
    kind: str,
    content_type: str,
) -> None:
    store.made(picture(kind, (1200, 600), mode))
    answer = browser.get(THUMB)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == content_type
    assert answer.headers["cache-control"] == "no-store"
    with Image.open(io.BytesIO(answer.content)) as small:
        assert small.size == (384, 192)


def test_a_thumbnail_of_a_picture_that_is_small_is_no_larger(store: Any, browser: httpx.Client) -> None:
    store.made(picture(size=(20, 10)))
    with Image.open(io.BytesIO(browser.get(THUMB).content)) as small:
        assert small.size == (20, 10)


def test_a_thumbnail_that_was_made_asks_nobody_again(store: Any, browser: httpx.Client) -> None:
    store.made(picture(size=(500, 500)))
    path = f"{THUMB}?s={store.submission}"
    first = browser.get(path)
    store.tasks.clear()
    store.objects.clear()
    assert browser.get(path).content == first.content
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert (store.looks(), len(store.fetched())) == (1, 1)


def test_many_who_want_one_thumbnail_cause_one_look_and_one_fetch(store: Any, browser: httpx.Client) -> None:
    store.made(Say(200, picture(size=(500, 500)), hang=0.3))
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: browser.get(THUMB), range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert (store.looks(), len(store.fetched())) == (1, 1)


def test_a_thumbnail_that_its_browser_has_given_up_is_not_made(store: Any, browser: httpx.Client) -> None:
    store.made(*(picture() for _ in range(8)))
    released = threading.Event()

    def slow(seen: Seen) -> Say:
        if "/bucket/" in seen.path:
            released.wait(10)
        return Say(200, picture()) if "/bucket/" in seen.path else Say(200, store.tasks["a"])

    def path(number: int) -> str:
        return f"/api/tasks/a/images/{number}/thumb?s={store.submission}"

    store.server.script = slow
    with ThreadPoolExecutor(AT_ONCE) as pool:
        first = [pool.submit(browser.get, path(number)) for number in range(AT_ONCE)]
        while len(store.fetched()) < AT_ONCE:
            time.sleep(0.01)
        for number in range(AT_ONCE, 8):
            with pytest.raises(httpx.ReadTimeout):
                browser.get(path(number), timeout=0.1)
        browser.get("/api/system")  # by its answer the server has noticed that the others have gone
        released.set()
        assert [answer.result().status_code for answer in first] == [200] * AT_ONCE
    assert browser.get(path(7)).status_code == 200
    assert len(store.fetched()) == AT_ONCE + 1


@pytest.mark.parametrize("path", [IMAGE, f"{IMAGE}?download=1"])
def test_a_browser_that_goes_away_in_the_middle_harms_nobody(
    store: Any, browser: httpx.Client, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    data = picture(size=(100, 100)) + b"\0" * 20_000_000
    store.made(data)
    for _ in range(5):
        with browser.stream("GET", path) as answer:
            assert next(answer.iter_raw())
    assert browser.get(path).content == data
    assert [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}] == []


def test_a_task_that_has_made_nothing_yet_is_looked_at_again(store: Any, browser: httpx.Client) -> None:
    store.has("running")
    assert browser.get(IMAGE).status_code == 404
    store.made(picture())
    assert browser.get(IMAGE).status_code == 200
