import hashlib
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from moto import mock_aws

from darkroom_cli.deploying.checkpoint import WebModels
from darkroom_cli.deploying.errors import StepError

URL = "https://models.example/a.safetensors"
DATA = bytes(range(256)) * 40_000  # two parts
PART = 6 * 1024 * 1024


class Quiet:
    """A `Progress` that nobody listens to."""

    def remark(self, text: str) -> None:
        """Say nothing."""

    def warn(self, text: str) -> None:
        """Say nothing."""

    def say(self, text: str) -> None:
        """Say nothing."""

    def detail(self, text: str) -> None:
        """Say nothing."""


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client(
            "s3",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        client.create_bucket(Bucket="models")
        yield client


def models(s3: Any, answer: httpx.Response | Exception) -> WebModels:
    def handle(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return WebModels(s3, httpx.Client(transport=httpx.MockTransport(handle)), Quiet(), part=PART)


def left(s3: Any) -> tuple[int, int]:
    """How many objects and unfinished uploads there are."""
    return (
        s3.list_objects_v2(Bucket="models")["KeyCount"],
        len(s3.list_multipart_uploads(Bucket="models").get("Uploads", [])),
    )


def test_the_file_arrives_whole(s3: Any) -> None:
    checksum = hashlib.sha256(DATA).hexdigest()
    models(s3, httpx.Response(200, content=DATA)).copy(URL, bucket="models", key="S/a", sha256=checksum)
    assert s3.get_object(Bucket="models", Key="S/a")["Body"].read() == DATA


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(200, content=DATA), "is not the file that it should be"),
        (httpx.Response(404), "404"),
        (httpx.ConnectError("no route"), "no route"),
        (httpx.Response(200, content=b""), "ended after 0"),
    ],
    ids=["another file", "not there", "no network", "nothing"],
)
def test_a_failure_leaves_nothing(s3: Any, answer: httpx.Response | Exception, words: str) -> None:
    with pytest.raises(StepError, match=words):
        models(s3, answer).copy(URL, bucket="models", key="S/a", sha256="0" * 64)
    assert left(s3) == (0, 0)


@pytest.mark.parametrize("page", [b"<!doctype html><title>Log in</title>", b"Log in first, please"])
def test_a_page_is_not_taken_for_a_model(s3: Any, page: bytes) -> None:
    with pytest.raises(StepError, match="does not begin as a model does"):
        models(s3, httpx.Response(200, content=page)).copy(
            URL, bucket="models", key="S/a.safetensors", sha256=None
        )
    assert left(s3) == (0, 0)


def test_what_begins_as_safetensors_does_is_taken_whatever_its_length(s3: Any) -> None:
    data = len(b"{} ").to_bytes(8, "little") + b"{} " + bytes(9)
    other = b"<" + bytes(7) + b"{" + b" " * 59
    for content in (data, other):
        answer = httpx.Response(200, content=content)
        models(s3, answer).copy(URL, bucket="models", key="S/a.safetensors", sha256=None)
        assert s3.get_object(Bucket="models", Key="S/a.safetensors")["Body"].read() == content


SECRET = "https://me:hunter2@models.example/a.safetensors?token=hunter2"


@pytest.mark.parametrize(
    "answer", [httpx.Response(403), httpx.ConnectError("no route")], ids=["refused", "no network"]
)
def test_keys_in_an_address_are_not_shown(s3: Any, answer: httpx.Response | Exception) -> None:
    with pytest.raises(StepError, match=r"https://models\.example/a\.safetensors") as raised:
        models(s3, answer).copy(SECRET, bucket="models", key="S/a", sha256=None)
    assert "hunter2" not in str(raised.value)
    assert "hunter2" not in (models(s3, answer).check(SECRET) or "")


def test_an_address_that_is_signed_for_get_can_be_had(s3: Any) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if request.method == "GET" else 403)

    found = WebModels(s3, httpx.Client(transport=httpx.MockTransport(handle)), Quiet())
    assert found.check(URL) is None


def test_the_file_is_not_asked_for_compressed(s3: Any) -> None:
    asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["accept-encoding"])
        return httpx.Response(200, content=DATA)

    http = httpx.Client(transport=httpx.MockTransport(handle))
    WebModels(s3, http, Quiet(), part=PART).copy(URL, bucket="models", key="S/a", sha256=None)
    assert asked == ["identity"]


def test_what_is_no_address_is_said_to_be_none(s3: Any) -> None:
    url = "https://models.example:port/a.safetensors"
    assert "port" in (models(s3, httpx.Response(200)).check(url) or "")


def test_a_file_that_is_shorter_than_was_told_is_not_kept(s3: Any) -> None:
    answer = httpx.Response(200, headers={"content-length": str(len(DATA) + 1)}, content=DATA)
    with pytest.raises(StepError, match=f"ended after {len(DATA)} of {len(DATA) + 1}"):
        models(s3, answer).copy(URL, bucket="models", key="S/a", sha256=None)
    assert left(s3) == (0, 0)


class Interrupted(httpx.SyncByteStream):
    """A download during which the user presses Ctrl-C, or that breaks off."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        yield DATA[:PART]
        raise self._error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), httpx.ReadError("reset")])
def test_an_interruption_leaves_no_upload_that_costs(s3: Any, error: BaseException) -> None:
    answer = httpx.Response(200, stream=Interrupted(error))
    with pytest.raises((KeyboardInterrupt, StepError)):
        models(s3, answer).copy(URL, bucket="models", key="S/a", sha256=None)
    assert left(s3) == (0, 0)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(200), None),
        (httpx.Response(403), "HTTP 403"),
        (httpx.ConnectTimeout("too slow"), "too slow"),
    ],
)
def test_whether_it_can_be_had_is_known_without_downloading_it(
    s3: Any, answer: httpx.Response | Exception, expected: str | None
) -> None:
    assert models(s3, answer).check(URL) == expected
