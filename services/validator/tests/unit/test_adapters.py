import re
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from validator.adapters import S3Payloads, SnsPublisher, group_of
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


class Topic:
    """SNS as far as `publish` goes; `refuses`: what it says to a message with a group."""

    def __init__(self, refuses: Exception | None = None) -> None:
        self.refuses = refuses
        self.broken: Exception | None = None
        self.calls: list[str | None] = []

    def publish(self, **message: Any) -> None:
        group = message.get("MessageGroupId")
        self.calls.append(group)
        if self.broken is not None:
            raise self.broken
        if group is not None and self.refuses is not None:
            raise self.refuses


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Publish")


def test_a_message_names_its_tenant_where_queues_are_fair() -> None:
    topic = Topic()
    fair, unfair = SnsPublisher(topic, "arn", fair=True), SnsPublisher(topic, "arn")
    fair.publish("{}", {}, tenant="abc123def4")
    fair.publish("{}", {})
    unfair.publish("{}", {}, tenant="abc123def4")
    assert topic.calls == ["abc123def4", None, None]


@pytest.mark.parametrize(
    "refusal",
    [
        refused("InvalidParameter"),
        refused("NotImplemented"),
        ParamValidationError(report="Unknown parameter"),
    ],
    ids=str,
)
def test_where_tenants_are_not_taken_no_message_is_lost_and_they_are_named_only_once(
    refusal: Exception,
) -> None:
    topic = Topic(refuses=refusal)
    publisher = SnsPublisher(topic, "arn", fair=True)
    for _ in range(3):
        publisher.publish("{}", {}, tenant="abc")
    assert topic.calls == ["abc", None, None, None]


def test_another_refusal_loses_no_message_and_tenants_are_named_again() -> None:
    topic = Topic(refuses=refused("Throttled"))
    publisher = SnsPublisher(topic, "arn", fair=True)
    publisher.publish("{}", {}, tenant="abc")
    topic.refuses = None
    publisher.publish("{}", {}, tenant="abc")
    assert topic.calls == ["abc", None, "abc"]


@pytest.mark.parametrize("error", [*FAULTS, refused("InvalidParameter")], ids=str)
def test_a_message_that_is_not_taken_in_any_form_is_unavailable_and_tenants_are_named_again(
    error: Exception,
) -> None:
    topic = Topic()
    topic.broken = error
    publisher = SnsPublisher(topic, "arn", fair=True)
    with pytest.raises(UnavailableError):
        publisher.publish("{}", {}, tenant="abc")
    topic.broken = None
    publisher.publish("{}", {}, tenant="abc")
    assert topic.calls[-1] == "abc"


@pytest.mark.parametrize("tenant", ["abc123def4", "~" * 128, "!#$%&'()*+,-./:;<=>?@[]^_`{|}"])
def test_a_tenant_that_may_be_a_group_is_one(tenant: str) -> None:
    assert group_of(tenant) == tenant


@pytest.mark.parametrize("tenant", ["a b", "é", "x" * 129, "a\n", "\ud800"])
def test_any_other_tenant_is_hashed_and_stays_apart(tenant: str) -> None:
    group = group_of(tenant)
    assert re.fullmatch("[0-9a-f]{64}", group)
    assert group not in {group_of("a"), group_of(tenant + "x")}


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
