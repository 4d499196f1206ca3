"""The tasks table and the buckets."""

import pytest

from infra.testing import Template

TABLE = "AWS::DynamoDB::Table"
BUCKET = "AWS::S3::Bucket"


def test_tasks_are_found_by_id_by_runtime_and_day_and_where_they_are_stuck(template: Template) -> None:
    _, table = template.only(TABLE)
    [index, stuck] = table["GlobalSecondaryIndexes"]
    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert index["IndexName"] == "by-runtime"
    assert index["KeySchema"] == [
        {"AttributeName": "runtime_day", "KeyType": "HASH"},
        {"AttributeName": "created_at", "KeyType": "RANGE"},
    ]
    assert {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]} == {
        "id": "S",
        "runtime_day": "S",
        "created_at": "N",
        "shard": "S",
        "look_at": "N",
    }
    assert stuck["IndexName"] == "by-look"
    assert stuck["KeySchema"] == [
        {"AttributeName": "shard", "KeyType": "HASH"},
        {"AttributeName": "look_at", "KeyType": "RANGE"},
    ]
    assert stuck["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_the_table_is_paid_by_request_encrypted_and_can_be_restored(template: Template) -> None:
    _, table = template.only(TABLE)
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_on", "Enabled": True}


def test_the_table_goes_with_the_stack_but_not_with_an_update(template: Template) -> None:
    [table] = template.resources(TABLE).values()
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Delete", "Retain")


@pytest.mark.parametrize("name", ["Outputs", "Payloads"])
def test_a_bucket_is_private_encrypted_and_stays(template: Template, name: str) -> None:
    logical, bucket = template.only(BUCKET, starting=name)
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    assert template.body["Resources"][logical]["DeletionPolicy"] == "Retain"


@pytest.mark.parametrize(("name", "days"), [("Outputs", None), ("Payloads", 30)])
def test_payloads_expire_and_pictures_do_not(template: Template, name: str, days: int | None) -> None:
    _, bucket = template.only(BUCKET, starting=name)
    expirations = [rule.get("ExpirationInDays") for rule in bucket["LifecycleConfiguration"]["Rules"]]
    assert [found for found in expirations if found is not None] == ([] if days is None else [days])
