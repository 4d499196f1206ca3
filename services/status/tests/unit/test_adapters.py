"""The ports over AWS, with clients that are made without any network."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.credentials import Credentials
from botocore.session import Session

from status.adapters import MAX_LIFE, UNSURE_LIFE, S3Links, SqsQueues
from status.clients import s3_maker

NOW = 1_800_000_000_000


def signed(env: dict[str, str], region: str = "eu-west-1", token: str | None = None, ends: Any = None) -> Any:
    session = Session()
    session.set_config_variable("region", region)
    session.set_credentials("key", "secret", token)
    credentials = Credentials("key", "secret", token)
    if ends is not None:
        credentials._expiry_time = ends
    return urlsplit(S3Links(s3_maker(session, env), credentials, lambda: NOW).to("s3://bucket/a b/t-1.png"))


def life(url: Any) -> int:
    [text] = parse_qs(url.query)["X-Amz-Expires"]
    return int(text)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "bucket.s3.eu-west-1.amazonaws.com"),
        ("us-east-1", "bucket.s3.us-east-1.amazonaws.com"),
        ("cn-north-1", "bucket.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_links_go_to_the_regions_own_endpoint_and_are_signed_for_it(region: str, host: str) -> None:
    url = signed({}, region)
    query = parse_qs(url.query)
    assert (url.netloc, url.path) == (host, "/a%20b/t-1.png")
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert f"/{region}/s3/aws4_request" in query["X-Amz-Credential"][0]


def test_at_another_endpoint_links_name_the_bucket_in_their_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    url = signed({"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})
    assert (url.netloc, url.path) == ("127.0.0.1:4566", "/bucket/a%20b/t-1.png")


def test_links_of_lasting_credentials_live_an_hour() -> None:
    assert life(signed({})) == MAX_LIFE


def test_links_of_passing_credentials_that_do_not_say_when_they_end_live_shorter() -> None:
    assert life(signed({}, token="token")) == UNSURE_LIFE


@pytest.mark.parametrize(("left", "expected"), [(600, 600), (90_000, MAX_LIFE), (-5, 1)])
def test_links_never_outlive_credentials_that_say_when_they_end(left: int, expected: int) -> None:
    ends = datetime.fromtimestamp(NOW / 1000, UTC) + timedelta(seconds=left)
    assert life(signed({}, token="token", ends=ends)) == expected


class FakeSqs:
    def __init__(self) -> None:
        self.asked = 0
        self.broken = False

    def get_queue_url(self, **_: Any) -> dict[str, str]:
        return {"QueueUrl": "https://queue"}

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        self.asked += 1
        return {} if self.broken else {"Attributes": {"ApproximateNumberOfMessages": "4"}}


def test_a_queue_is_asked_once_however_often_clients_do() -> None:
    sqs, now = FakeSqs(), [NOW]
    queues = SqsQueues(lambda: sqs, {"sdruntime": "queue", "many": None}, lambda: now[0])
    assert {queues.waiting("sdruntime") for _ in range(100)} == {4}
    assert sqs.asked == 1
    now[0] += 5000
    sqs.broken = True
    assert queues.waiting("sdruntime") is None
    assert (queues.waiting("many"), queues.waiting("unknown")) == (None, None)
    assert sqs.asked == 2
