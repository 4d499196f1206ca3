"""The ports over AWS; what the SDK raises becomes `UnavailableError` here."""

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from s3io.claimcheck import ClaimCheck
from s3io.errors import SDK_ERRORS
from s3io.presigning import PresignedPut, Presigner
from task_schema import UPLOADS
from validator.errors import UnavailableError

_UNKNOWN = "an SDK that does not know the parameter"
# What a parameter is called that is not taken, or not for this kind of topic.
_NOT_TAKEN = {
    _UNKNOWN,
    "InvalidParameter",
    "InvalidParameterException",
    "InvalidParameterValue",
    "NotImplemented",
    "ValidationError",
}
_GROUP = re.compile(r"[!-~]{1,128}")


class SnsPublisher:
    """Publishes to one topic with a boto3 SNS client.

    Args:
        client: of SNS.
        topic_arn: of the topic.
        fair: name the tenant, so that the queues behind the topic are fair (docs/adr/0012). A service that
            does not take the name gets the message without it, and is not asked again.
    """

    def __init__(self, client: Any, topic_arn: str, *, fair: bool = False) -> None:
        self._client = client
        self._topic_arn = topic_arn
        self._fair = fair

    def publish(self, body: str, attributes: Mapping[str, str], *, tenant: str | None = None) -> None:
        """See `Publisher`."""
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        message = {"TopicArn": self._topic_arn, "Message": body, "MessageAttributes": typed}
        try:
            if not self._fair or not tenant:
                self._client.publish(**message)
            elif (refusal := self._publish_for(tenant, message)) is not None:
                self._client.publish(**message)
                # The very same message was taken without the name.
                self._fair = refusal not in _NOT_TAKEN
        except SDK_ERRORS as exc:
            raise UnavailableError("the requests topic did not take the message") from exc

    def _publish_for(self, tenant: str, message: Mapping[str, Any]) -> str | None:
        """Publish with the name of a tenant; return None, or the code of the refusal.

        A refusal that is not the name's own is the next try's as well. Where the message was taken for all
        that, it comes twice with one submission, and only one of the two is run.
        """
        try:
            self._client.publish(**message, MessageGroupId=group_of(tenant))
        except ParamValidationError:
            return _UNKNOWN
        except ClientError as exc:
            return str(exc.response.get("Error", {}).get("Code"))
        return None


def group_of(tenant: str) -> str:
    """Return a tenant's name as a `MessageGroupId`, which has at most 128 printable characters of ASCII."""
    if _GROUP.fullmatch(tenant):
        return tenant
    return hashlib.sha256(tenant.encode(errors="surrogatepass")).hexdigest()


class S3Uploads:
    """Lets clients send files into the folder of uploads; it too has its client made for the first."""

    def __init__(self, make_presigner: Callable[[], Presigner], bucket: str) -> None:
        self._make_presigner = make_presigner
        self._bucket = bucket

    @cached_property
    def _presigner(self) -> Presigner:
        return self._make_presigner()

    def grant(self, upload_id: str, *, size: int, content_type: str | None) -> PresignedPut:
        """See `Uploads`."""
        key = f"{UPLOADS}/{upload_id}"
        try:
            return self._presigner.put(self._bucket, key, size=size, content_type=content_type)
        except SDK_ERRORS as exc:
            raise UnavailableError("the upload could not be signed") from exc


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
