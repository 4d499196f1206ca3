from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

BUCKET = "bucket"


@pytest.fixture(scope="session")
def made_up_s3() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.delenv("AWS_ENDPOINT_URL", raising=False)
        yield boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )


@pytest.fixture
def s3(made_up_s3: Any) -> Iterator[Any]:
    """An S3 client of a made-up S3 with one empty bucket, `bucket`."""
    made_up_s3.create_bucket(Bucket=BUCKET)
    yield made_up_s3
    for item in made_up_s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        made_up_s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    made_up_s3.delete_bucket(Bucket=BUCKET)
