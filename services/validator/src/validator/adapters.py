"""The ports over AWS; what the SDK raises becomes `UnavailableError` here."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from s3io.claimcheck import ClaimCheck
from s3io.errors import SDK_ERRORS
from validator.errors import UnavailableError


class SnsPublisher:
    """Publishes to one topic with a boto3 SNS client."""

    def __init__(self, client: Any, topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def publish(self, body: str, attributes: Mapping[str, str]) -> None:
        """See `Publisher`."""
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        try:
            self._client.publish(TopicArn=self._topic_arn, Message=body, MessageAttributes=typed)
        except SDK_ERRORS as exc:
            raise UnavailableError("the requests topic did not take the message") from exc


class S3Payloads:
    """Keeps payloads in a bucket. Few tasks need it, so the client is made for the first that does."""

    def __init__(self, make_client: Callable[[], Any], bucket: str) -> None:
        self._make_client = make_client
        self._bucket = bucket

    @cached_property
    def _claims(self) -> ClaimCheck:
        return ClaimCheck(self._make_client(), self._bucket)

    def put(self, submission: str, name: str, value: Any) -> str:
        """See `Payloads`."""
        try:
            return self._claims.put(submission, name, value)
        except SDK_ERRORS as exc:
            raise UnavailableError(f"the payload bucket did not take the {name}") from exc
