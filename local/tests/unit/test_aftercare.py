from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from local.aftercare import Expiry, apply_time_to_live, expiries, functions, remove_expired
from local.clients import Clients

NOW = datetime.now(UTC)


class Moto(Clients):
    """Clients that moto answers instead of the emulator."""

    def _make(self, service: str) -> Any:
        return self._session.client(service)


@pytest.fixture
def clients() -> Iterator[Clients]:
    with mock_aws():
        yield Moto("unused")


def test_functions_are_those_of_the_template_that_the_emulator_has() -> None:
    template = {
        "Resources": {
            "F": {"Type": "AWS::Lambda::Function"},
            "Q": {"Type": "AWS::SQS::Queue"},
            "Missing": {"Type": "AWS::Lambda::Function"},
        }
    }
    assert functions(template, {"F": "the-function", "Q": "the-queue"}) == ["the-function"]


def test_rules_of_buckets_are_read_from_the_template() -> None:
    rules = [
        {"Status": "Enabled", "ExpirationInDays": 30, "Prefix": "tasks/"},
        {"Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
        {"Status": "Disabled", "ExpirationInDays": 1},
        {"Status": "Enabled", "ExpirationInDays": 7},
    ]
    template = {
        "Resources": {
            "B": {"Type": "AWS::S3::Bucket", "Properties": {"LifecycleConfiguration": {"Rules": rules}}},
            "Plain": {"Type": "AWS::S3::Bucket"},
            "Q": {"Type": "AWS::SQS::Queue", "Properties": {}},
        }
    }
    assert expiries(template, {"B": "bucket"}) == [Expiry("bucket", "tasks/", 30), Expiry("bucket", "", 7)]


def test_objects_are_removed_when_their_time_has_come_and_not_before(clients: Clients) -> None:
    s3 = clients.client("s3")
    s3.create_bucket(Bucket="bucket")
    for key in ("tasks/1/content.json", "kept/1"):
        s3.put_object(Bucket="bucket", Key=key, Body=b"x")
    rules = [Expiry("bucket", "tasks/", 30)]
    assert remove_expired(clients, rules, now=NOW + timedelta(days=29)) == 0
    assert remove_expired(clients, rules, now=NOW + timedelta(days=31)) == 1
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["kept/1"]


def test_nothing_to_remove_is_no_error(clients: Clients) -> None:
    clients.client("s3").create_bucket(Bucket="bucket")
    assert remove_expired(clients, [Expiry("bucket", "", 1)], now=NOW + timedelta(days=31)) == 0


def test_the_time_to_live_of_the_template_is_switched_on_once(clients: Clients) -> None:
    dynamodb = clients.client("dynamodb")
    dynamodb.create_table(
        TableName="t",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    properties = {"TimeToLiveSpecification": {"AttributeName": "expires_on", "Enabled": True}}
    template = {"Resources": {"T": {"Type": "AWS::DynamoDB::Table", "Properties": properties}}}
    assert apply_time_to_live(clients, template, {"T": "t"}) == ["t"]
    assert apply_time_to_live(clients, template, {"T": "t"}) == ["t"]
    described = dynamodb.describe_time_to_live(TableName="t")["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_on"}
