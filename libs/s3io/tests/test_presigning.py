"""Presigned URLs, by clients that are made without any network."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.session import Session

from s3io.presigning import MAX_LIFE, SHORT_LIFE, Presigner, signing_config

NOW = 1_800_000_000_000


def presigner(
    env: dict[str, str] | None = None, region: str = "eu-west-1", token: str | None = None, ends: Any = None
) -> Presigner:
    session = Session()
    session.set_config_variable("region", region)
    session.set_credentials("key", "secret", token)
    credentials = Credentials("key", "secret", token)
    if ends is not None:
        credentials._expiry_time = ends
    config = signing_config(Config(connect_timeout=1), env or {})
    return Presigner(lambda: session.create_client("s3", config=config), credentials, lambda: NOW)


def fetching(**given: Any) -> SplitResult:
    return urlsplit(presigner(**given).to("s3://bucket/a b/t-1.png"))


def one(url: SplitResult, name: str) -> str:
    [text] = parse_qs(url.query)[name]
    return text


def in_seconds(seconds: int) -> datetime:
    return datetime.fromtimestamp(NOW / 1000, UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "bucket.s3.eu-west-1.amazonaws.com"),
        ("us-east-1", "bucket.s3.us-east-1.amazonaws.com"),
        ("cn-north-1", "bucket.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_links_go_to_the_regions_own_endpoint_and_are_signed_for_it(region: str, host: str) -> None:
    url = fetching(region=region)
    assert (url.netloc, url.path) == (host, "/a%20b/t-1.png")
    assert one(url, "X-Amz-Algorithm") == "AWS4-HMAC-SHA256"
    assert f"/{region}/s3/aws4_request" in one(url, "X-Amz-Credential")
    assert urlsplit(presigner(region=region).put("bucket", "uploads/x", size=1).url).netloc == host


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_at_another_endpoint_links_name_the_bucket_in_their_path(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:4566")
    url = fetching(env={name: "http://127.0.0.1:4566"})
    assert (url.netloc, url.path) == ("127.0.0.1:4566", "/bucket/a%20b/t-1.png")


def test_links_of_lasting_credentials_live_an_hour() -> None:
    assert one(fetching(), "X-Amz-Expires") == str(MAX_LIFE)


def test_links_of_passing_credentials_that_do_not_say_when_they_end_live_shorter() -> None:
    assert one(fetching(token="token"), "X-Amz-Expires") == str(SHORT_LIFE)


@pytest.mark.parametrize(("left", "expected"), [(600, 600), (90_000, MAX_LIFE), (-5, 1)])
def test_links_never_outlive_credentials_that_say_when_they_end(left: int, expected: int) -> None:
    assert one(fetching(token="token", ends=in_seconds(left)), "X-Amz-Expires") == str(expected)


def test_a_put_is_signed_with_its_size_and_type() -> None:
    put = presigner().put("bucket", "uploads/x", size=17, content_type="image/png")
    assert put.headers == {"content-length": "17", "content-type": "image/png"}
    assert one(urlsplit(put.url), "X-Amz-SignedHeaders") == "content-length;content-type;host"
    other = presigner().put("bucket", "uploads/x", size=18, content_type="image/png")
    assert one(urlsplit(other.url), "X-Amz-Signature") != one(urlsplit(put.url), "X-Amz-Signature")


def test_a_put_without_a_type_takes_any_and_needs_no_more_headers_than_it_says() -> None:
    put = presigner().put("bucket", "uploads/x", size=17)
    assert put.headers == {"content-length": "17"}
    assert one(urlsplit(put.url), "X-Amz-SignedHeaders") == "content-length;host"


@pytest.mark.parametrize(("left", "expected"), [(600, 600), (90_000, SHORT_LIFE)])
def test_a_put_says_when_it_ends(left: int, expected: int) -> None:
    put = presigner(token="token", ends=in_seconds(left)).put("bucket", "uploads/x", size=17)
    assert one(urlsplit(put.url), "X-Amz-Expires") == str(expected)
    assert put.expires_at == in_seconds(expected)
