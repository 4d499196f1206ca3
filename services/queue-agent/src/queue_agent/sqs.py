"""The queue of one runtime, on SQS."""

import json
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from queue_agent.aws import AwsCalls
from queue_agent.ports import Delivery

# What SQS answers for a message that is no longer ours: deleted, or received again by another.
_NOT_OURS = {
    "ReceiptHandleIsInvalid",
    "InvalidParameterValue",
    "MessageNotInflight",
    "AWS.SimpleQueueService.MessageNotInflight",
}


class SqsQueue:
    """Receives, keeps hidden and deletes messages.

    Args:
        client: boto3's SQS client.
        url: of the queue.
        calls: runs them.
        visibility: seconds for which a message is hidden once it is received.
        poll_client: to receive with, its read timeout longer than the long poll; `client` where left out.
    """

    def __init__(
        self, client: Any, url: str, calls: AwsCalls, *, visibility: int, poll_client: Any = None
    ) -> None:
        self._client = client
        self._poll_client = poll_client or client
        self._url = url
        self._calls = calls
        self._visibility = visibility

    async def receive(self, *, wait_seconds: int) -> Delivery | None:
        """Wait for one message; None when none came in time."""
        answer = await self._calls.abandonable(
            self._poll_client.receive_message,
            QueueUrl=self._url,
            MaxNumberOfMessages=1,
            WaitTimeSeconds=wait_seconds,
            VisibilityTimeout=self._visibility,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp", "AWSTraceHeader"],
        )
        messages = answer.get("Messages", [])
        return _delivery(messages[0]) if messages else None

    async def hide(self, delivery: Delivery, seconds: int) -> bool:
        """Keep a message hidden for so long from now, 0 for not at all; False if it is not ours any more."""
        return await self._calls(
            self._tolerant,
            self._client.change_message_visibility,
            QueueUrl=self._url,
            ReceiptHandle=delivery.receipt_handle,
            VisibilityTimeout=seconds,
        )

    async def delete(self, delivery: Delivery) -> bool:
        """Delete a message; False if it is not ours any more."""
        return await self._calls(
            self._tolerant,
            self._client.delete_message,
            QueueUrl=self._url,
            ReceiptHandle=delivery.receipt_handle,
        )

    @staticmethod
    def _tolerant(call: Any, **kwargs: Any) -> bool:
        try:
            call(**kwargs)
        except ClientError as exc:
            if exc.response.get("Error", {}).get("Code") in _NOT_OURS:
                return False
            raise
        return True


def _delivery(message: dict[str, Any]) -> Delivery:
    system = message.get("Attributes", {})
    attributes = {
        name: value["StringValue"]
        for name, value in message.get("MessageAttributes", {}).items()
        if "StringValue" in value
    }
    attributes = attributes or _envelope_attributes(message["Body"])
    if "AWSTraceHeader" in system:
        attributes.setdefault("AWSTraceHeader", system["AWSTraceHeader"])
    return Delivery(
        message_id=message["MessageId"],
        receipt_handle=message["ReceiptHandle"],
        body=message["Body"],
        receive_count=int(system.get("ApproximateReceiveCount", 1)),
        sent_at=datetime.fromtimestamp(int(system.get("SentTimestamp", 0)) / 1000, UTC),
        attributes=attributes,
    )


def _envelope_attributes(body: str) -> dict[str, str]:
    """Read the attributes of a message that came through a subscription without raw delivery."""
    if '"MessageAttributes"' not in body:
        return {}
    try:
        data = json.loads(body)
        found = {name: value["Value"] for name, value in data["MessageAttributes"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str)}
