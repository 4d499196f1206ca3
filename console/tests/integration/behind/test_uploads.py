"""Files on their way to the store."""

import socket
from typing import Any

import httpx
import pytest

from darkroom_client.testing import Say, Seen, Server, refusal, upload

PNG = b"\x89PNG\r\n\x1a\n" + b"1" * 100
REFERENCE = "upload://5f0c6a3e-0000-4000-8000-000000000001"


@pytest.fixture
def took(server: Server) -> list[Seen]:
    """Have a store that takes what comes; return what it got."""
    got: list[Seen] = []

    def script(seen: Seen) -> Say:
        if seen.method == "PUT":
            got.append(seen)
            return Say(200, b"")
        return Say(200, upload(server))

    server.script = script
    return got


def test_a_file_is_stored_and_the_page_gets_its_reference(browser: httpx.Client, took: list[Seen]) -> None:
    answer = browser.post("/api/uploads", content=PNG, headers={"content-type": "text/html"})
    assert (answer.status_code, answer.json()) == (200, {"reference": REFERENCE})
    assert [seen.body for seen in took] == [PNG]
    assert "x-api-key" not in took[0].headers


def test_the_type_of_a_file_is_that_of_its_bytes(
    browser: httpx.Client, server: Server, took: list[Seen]
) -> None:
    for content in (PNG, b"whatever"):
        browser.post("/api/uploads", content=content, headers={"content-type": "image/webp"})
    asked = [seen.body for seen in server.seen if seen.method == "POST"]
    assert asked == [{"size": len(PNG), "content_type": "image/png"}, {"size": 8}]


def test_an_empty_file_is_refused(browser: httpx.Client, took: list[Seen]) -> None:
    answer = browser.post("/api/uploads", content=b"")
    assert answer.status_code == 400
    assert "empty" in answer.json()["error"]["message"]
    assert took == []


@pytest.mark.parametrize("chunked", [False, True])
def test_a_file_that_is_too_large_is_refused_before_it_has_come(
    serving: Any, took: list[Seen], chunked: bool
) -> None:
    browser = serving(input_max=1000)
    content = iter([b"1" * 600] * 3) if chunked else b"1" * 1001
    answer = browser.post("/api/uploads", content=content)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"
    assert took == []


def test_a_file_of_the_largest_size_is_taken(serving: Any, took: list[Seen]) -> None:
    assert serving(input_max=1000).post("/api/uploads", content=b"1" * 1000).status_code == 200
    assert [len(seen.body) for seen in took] == [1000]


def test_a_file_that_is_cut_off_is_not_stored_and_harms_nobody(
    browser: httpx.Client, server: Server, took: list[Seen]
) -> None:
    address = (browser.base_url.host, browser.base_url.port)
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    for _ in range(5):
        with socket.create_connection(address, timeout=5) as raw:
            head = (
                f"POST /api/uploads HTTP/1.1\r\nHost: 127.0.0.1:{address[1]}\r\nCookie: {cookies}\r\n"
                "X-Darkroom-Console: 1\r\nContent-Length: 100\r\n\r\n"
            )
            raw.sendall(head.encode() + b"1" * 50)
    assert browser.post("/api/uploads", content=PNG).status_code == 200
    assert [seen.body for seen in took] == [PNG]


def test_what_the_api_refuses_is_told_in_its_words(browser: httpx.Client, server: Server) -> None:
    server.says(Say(413, refusal("too_large", "size: an input may have 10 bytes, not 108", "size")))
    answer = browser.post("/api/uploads", content=PNG)
    assert answer.status_code == 413
    assert answer.json()["error"]["message"] == "size: an input may have 10 bytes, not 108"


@pytest.mark.parametrize("put", [Say(403, b"<Error/>"), Say(drop=True)])
def test_a_store_that_does_not_take_it_is_told(browser: httpx.Client, server: Server, put: Say) -> None:
    server.script = lambda seen: put if seen.method == "PUT" else Say(200, upload(server))
    answer = browser.post("/api/uploads", content=PNG)
    assert answer.status_code == 502
    assert REFERENCE in answer.json()["error"]["message"]
    assert "X-Amz" not in answer.text
