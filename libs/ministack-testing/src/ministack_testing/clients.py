from typing import Any

import boto3
from botocore.config import Config

REGION = "us-east-1"
ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"  # noqa: S105 - the emulator's fixed, public key


def client(service: str, url: str) -> Any:
    """Return a boto3 client of `service` ("s3", "sqs", "dynamodb", ...) that speaks to the emulator at `url`.

    Credentials and region are given here, so the environment of whoever runs the tests has no say. S3 uses
    path style (no DNS for virtual hosts) and signature version 4 (the emulator does not check older ones).
    """
    signature = {"signature_version": "s3v4", "s3": {"addressing_style": "path"}} if service == "s3" else {}
    session = boto3.session.Session(
        aws_access_key_id=ACCESS_KEY_ID, aws_secret_access_key=SECRET_ACCESS_KEY, region_name=REGION
    )
    config = Config(proxies={}, connect_timeout=5, read_timeout=30, **signature)
    return session.client(service, endpoint_url=url, config=config)
