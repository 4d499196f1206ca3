import asyncio
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from s3io.errors import InputRefusedError, InputTooLargeError, InputUnreachableError
from s3io.inputs import InputFetcher, InputLimits
from s3io.s3_inputs import AllowedPlaces
from s3io.uri import S3Uri

KEY = "cats/a?b.json"
PIECES = 200
URL = f"s3://bucket/{KEY}"


def fetcher(s3: Any, *allowed: str, limits: InputLimits | None = None) -> InputFetcher:
    return InputFetcher(s3_client=s3, s3_allowed=allowed, limits=limits)


def failing(status: int, code: str) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "GetObject")


class BrokenS3:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_object(self, **_: str) -> None:
        raise self.error


class Body:
    """A body of many small pieces; `pause` seconds before each."""

    def __init__(self, *, pause: float = 0, error: Exception | None = None) -> None:
        self.pause = pause
        self.error = error
        self.read_bytes = 0
        self.closed = False

    def read(self, _: int) -> bytes:
        if self.error is not None:
            raise self.error
        time.sleep(self.pause)
        if self.read_bytes >= PIECES * 10:
            return b""
        self.read_bytes += 10
        return b"x" * 10

    def close(self) -> None:
        self.closed = True


class BodyS3:
    def __init__(self, body: Body, length: int = 10) -> None:
        self.body = body
        self.length = length

    def get_object(self, **_: str) -> dict[str, Any]:
        return {"ContentLength": self.length, "Body": self.body}


@pytest.mark.parametrize("url", [URL, URL.replace("s3://", "S3://")])
async def test_an_object_in_an_allowed_folder_is_fetched(s3: Any, url: str) -> None:
    s3.put_object(Bucket="bucket", Key=KEY, Body=b"{}", ContentType="image/png")
    found = await fetcher(s3, "bucket/cats").fetch(url)
    assert (found.url, found.data, found.media.extension) == (url, b"{}", "json")


@pytest.mark.parametrize(
    ("allowed", "key", "covered"),
    [
        ("bucket", "any/key", True),
        ("bucket/", "any/key", True),
        ("bucket/cats", "cats/1.png", True),
        ("bucket/cats/", "cats/1.png", True),
        ("bucket/cats/small", "cats/small/1.png", True),
        ("bucket/cats", "cats-of-others/1.png", False),
        ("bucket/cats", "cats", False),
        ("bucket/cats", "Cats/1.png", False),
        ("bucket/cats", "dogs/cats/1.png", False),
        ("bucke", "any/key", False),
        ("other", "any/key", False),
    ],
)
def test_a_prefix_is_a_folder(allowed: str, key: str, covered: bool) -> None:
    assert AllowedPlaces(["elsewhere/x", allowed]).cover(S3Uri("bucket", key)) is covered


@pytest.mark.parametrize(
    "entry", ["", "/cats", "s3://bucket/cats", "bucket/cats/*", "bucket/../other", "Bucket"]
)
def test_an_entry_that_would_silently_allow_nothing_is_an_error(entry: str) -> None:
    with pytest.raises(ValueError, match=r"wildcard|is not `bucket`"):
        AllowedPlaces([entry])


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket/dogs/1.png",
        "s3://other/cats/1.png",
        "s3://bucket/cats/../secret/1.png",
        "s3://bucket/cats/../../other/1.png",
        "s3://bucket",
        "s3://Bucket/cats/1.png",
    ],
)
async def test_an_object_elsewhere_is_refused_without_asking_for_it(url: str) -> None:
    with pytest.raises(InputRefusedError) as caught:
        await fetcher(None, "bucket/cats").fetch(url)
    assert url in str(caught.value)


async def test_a_key_is_taken_as_it_stands_spaces_included(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="my cats/a cat.json", Body=b"{}")
    found = await fetcher(s3, "bucket/my cats").fetch("s3://bucket/my cats/a cat.json")
    assert found.data == b"{}"


async def test_no_object_is_allowed_unless_a_setting_says_so(s3: Any) -> None:
    with pytest.raises(InputRefusedError, match="no bucket and prefix that inputs may come from"):
        await fetcher(s3).fetch(URL)


async def test_an_object_that_does_not_exist_is_unreachable_for_good(s3: Any) -> None:
    with pytest.raises(InputUnreachableError, match="does not exist") as caught:
        await fetcher(s3, "bucket").fetch(URL)
    assert (caught.value.retryable, caught.value.status) == (False, 404)


async def test_a_bucket_that_does_not_exist_is_unreachable_for_good(s3: Any) -> None:
    with pytest.raises(InputUnreachableError) as caught:
        await fetcher(s3, "no-such-bucket").fetch("s3://no-such-bucket/key")
    assert not caught.value.retryable


async def test_an_object_that_may_not_be_read_is_refused() -> None:
    with pytest.raises(InputRefusedError, match="may not be read by this deployment"):
        await fetcher(BrokenS3(failing(403, "AccessDenied")), "bucket").fetch(URL)


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (failing(503, "SlowDown"), True),
        (failing(500, "InternalError"), True),
        (failing(400, "ExpiredToken"), True),
        (failing(403, "InvalidObjectState"), False),
        (failing(301, "PermanentRedirect"), False),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:9"), True),
    ],
)
async def test_other_errors_say_whether_to_try_again(error: Exception, retryable: bool) -> None:
    with pytest.raises(InputUnreachableError) as caught:
        await fetcher(BrokenS3(error), "bucket").fetch(URL)
    assert caught.value.retryable is retryable


async def test_the_limit_holds_exactly(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key=KEY, Body=b"x" * 1000)
    assert len((await fetcher(s3, "bucket", limits=InputLimits(max_bytes=1000)).fetch(URL)).data) == 1000
    with pytest.raises(InputTooLargeError, match="more than 999 bytes"):
        await fetcher(s3, "bucket", limits=InputLimits(max_bytes=999)).fetch(URL)


@pytest.mark.parametrize(("announced", "read"), [(10**12, 0), (10, 1010)])
async def test_a_large_object_is_not_read_and_an_endless_one_is_cut(announced: int, read: int) -> None:
    s3 = BodyS3(Body(), announced)
    with pytest.raises(InputTooLargeError):
        await fetcher(s3, "bucket", limits=InputLimits(max_bytes=1000)).fetch(URL)
    assert s3.body.read_bytes == read
    assert s3.body.closed


async def test_a_slow_object_is_given_up_and_its_thread_ends() -> None:
    s3 = BodyS3(Body(pause=0.05))
    with pytest.raises(InputUnreachableError) as caught:
        await fetcher(s3, "bucket", limits=InputLimits(total_seconds=0.2)).fetch(URL)
    assert caught.value.retryable
    given_up = time.monotonic() + 5
    while not s3.body.closed and time.monotonic() < given_up:
        await asyncio.sleep(0.01)
    assert s3.body.closed


@pytest.mark.parametrize("error", [ReadTimeoutError(endpoint_url="http://s3"), ConnectionResetError()])
async def test_a_body_that_breaks_off_may_be_whole_next_time(error: Exception) -> None:
    s3 = BodyS3(Body(error=error))
    with pytest.raises(InputUnreachableError) as caught:
        await fetcher(s3, "bucket").fetch(URL)
    assert caught.value.retryable
    assert s3.body.closed
