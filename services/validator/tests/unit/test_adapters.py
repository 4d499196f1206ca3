from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from validator.adapters import S3Payloads, SnsPublisher
from validator.errors import UnavailableError

FAULTS: list[Exception] = [
    ClientError({"Error": {"Code": "InternalError", "Message": "no"}}, "Publish"),
    ReadTimeoutError(endpoint_url="http://x.example"),
    ResponseParserError("invalid XML"),
]


class BrokenClient:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def publish(self, **kwargs: Any) -> None:
        raise self.error

    def put_object(self, **kwargs: Any) -> None:
        raise self.error


@pytest.mark.parametrize("error", FAULTS, ids=lambda error: type(error).__name__)
def test_what_the_sdk_raises_means_unavailable_and_stays_the_cause(error: Exception) -> None:
    client = BrokenClient(error)
    with pytest.raises(UnavailableError) as topic:
        SnsPublisher(client, "arn").publish("{}", {"runtime": "a"})
    with pytest.raises(UnavailableError) as bucket:
        S3Payloads(lambda: client, "payload").put("s", "content", {})
    assert topic.value.__cause__ is error
    assert bucket.value.__cause__ is error


def test_the_s3_client_is_made_once_and_only_when_it_is_needed() -> None:
    made: list[str] = []

    class Client:
        def put_object(self, **kwargs: Any) -> None:
            assert kwargs["Bucket"] == "payload"

    def make() -> Client:
        made.append("client")
        return Client()

    payloads = S3Payloads(make, "payload")
    assert made == []
    assert payloads.put("s", "content", {"a": 1}) == "s3://payload/tasks/s/content.json"
    payloads.put("s", "context", 1)
    assert made == ["client"]
