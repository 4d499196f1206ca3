import hashlib
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from snapshots.errors import OptionError, SnapshotsError, StepError
from snapshots.images import Image
from snapshots.registry import INDEXES, Registries

INDEX = json.dumps(
    {
        "mediaType": INDEXES[0],
        "manifests": [
            {"platform": {"os": "linux", "architecture": "amd64"}},
            {"platform": {"os": "unknown", "architecture": "unknown"}},
            {"platform": {"os": "windows", "architecture": "arm64"}},
        ],
    }
).encode()
DIGEST = f"sha256:{hashlib.sha256(INDEX).hexdigest()}"
CHALLENGE = {
    "www-authenticate": 'Bearer realm="https://auth.example.com/token",service="example",scope="a:b:pull"'
}


def resolved(text: str, answer: Callable[[httpx.Request], httpx.Response], *arches: str) -> Image:
    http = httpx.Client(transport=httpx.MockTransport(answer))
    return Registries(ecr=_no_ecr, http=http).resolve(Image.parse(text), arches or ("amd64",))


def _no_ecr(region: str) -> Any:
    raise AssertionError(region)


def test_a_tag_becomes_the_digest_of_what_the_registry_sends() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "https://ghcr.io/v2/a/b/manifests/1"
        assert INDEXES[0] in request.headers["accept"]
        return httpx.Response(200, content=INDEX, headers={"docker-content-digest": DIGEST})

    assert str(resolved("ghcr.io/a/b:1", answer)) == f"ghcr.io/a/b:1@{DIGEST}"


def test_a_token_is_fetched_where_the_registry_asks_for_one() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if request.url.host == "auth.example.com":
            return httpx.Response(200, json={"token": "let-me-in"})
        if request.headers.get("authorization") == "Bearer let-me-in":
            return httpx.Response(200, content=INDEX)
        return httpx.Response(401, headers=CHALLENGE)

    assert resolved("nginx", answer).digest == DIGEST
    assert asked[0] == "https://registry-1.docker.io/v2/library/nginx/manifests/latest"
    assert asked[1] == "https://auth.example.com/token?scope=a%3Ab%3Apull&service=example"


def test_an_image_with_a_digest_is_not_looked_up() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request)

    assert resolved(f"nginx@{DIGEST}", answer).digest == DIGEST


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (httpx.Response(404), OptionError, "is not there"),
        (httpx.Response(403), OptionError, "copy the image to ECR"),
        (httpx.Response(401, headers={"www-authenticate": "Basic realm=x"}), OptionError, "by digest"),
        (
            httpx.Response(401, headers={"www-authenticate": 'Bearer realm="http://plain.example.com"'}),
            OptionError,
            "by digest",
        ),
        (httpx.Response(429), StepError, "answered 429; else give it by digest"),
        (
            httpx.Response(200, content=INDEX, headers={"docker-content-digest": "sha256:0"}),
            StepError,
            "else than",
        ),
    ],
)
def test_a_registry_that_does_not_help_is_told_with_a_way_out(
    answer: httpx.Response, error: type[SnapshotsError], words: str
) -> None:
    with pytest.raises(error, match=words):
        resolved("ghcr.io/a/b", lambda _: answer)


def test_a_registry_out_of_reach_is_told_with_a_way_out() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    with pytest.raises(StepError, match="no route; else give it by digest"):
        resolved("ghcr.io/a/b", answer)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'"token"'])
def test_an_answer_without_a_token_is_told(body: bytes) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "auth.example.com":
            return httpx.Response(200, content=body)
        return httpx.Response(401, headers=CHALLENGE)

    with pytest.raises(StepError, match="no token"):
        resolved("nginx", answer)


def test_an_architecture_that_is_missing_is_told_before_anything_is_made() -> None:
    with pytest.raises(OptionError, match="not there for --arch arm64; it is for: amd64"):
        resolved("ghcr.io/a/b", lambda _: httpx.Response(200, content=INDEX), "amd64", "arm64")


@pytest.mark.parametrize("body", [b'{"config": {}}', b"[]", b"no json"])
def test_what_is_no_list_does_not_say_its_architecture(body: bytes) -> None:
    assert resolved("ghcr.io/a/b", lambda _: httpx.Response(200, content=body), "arm64").digest is not None
