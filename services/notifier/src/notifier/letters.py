"""Messages as Lambda brings them from a queue."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from telemetry.context import TraceContext, extract

FOLDER = "dead-letters"

_NOT_IN_KEYS = re.compile("[^A-Za-z0-9_.-]")


@dataclass(frozen=True, slots=True)
class Letter:
    """One receipt of one message that no agent brought to an end.

    `attributes` are those that it was published with and that are texts; `given` is all that came with it.
    """

    message_id: str
    receipt_handle: str
    queue_arn: str
    body: str
    attributes: Mapping[str, str]
    sent_at: datetime
    receive_count: int
    given: Mapping[str, Any]

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> "Letter":
        """Read one of the `Records` of Lambda's event.

        Raises:
            KeyError: it is no message of SQS.
        """
        system = record.get("attributes") or {}
        body = str(record["body"])
        texts = {
            name: str(value["stringValue"])
            for name, value in (record.get("messageAttributes") or {}).items()
            if value.get("stringValue") is not None
        }
        return cls(
            message_id=str(record["messageId"]),
            receipt_handle=str(record["receiptHandle"]),
            queue_arn=str(record["eventSourceARN"]),
            body=body,
            attributes=texts or _in_envelope(body),
            sent_at=datetime.fromtimestamp(int(system.get("SentTimestamp", 0)) / 1000, UTC),
            receive_count=int(system.get("ApproximateReceiveCount", 1)),
            given={"system": dict(system), "message_attributes": dict(record.get("messageAttributes") or {})},
        )

    @property
    def queue(self) -> str:
        """The name of the queue."""
        return self.queue_arn.rpartition(":")[2]

    @property
    def runtime(self) -> str | None:
        """The runtime that it was published for: the attribute which the subscriptions look at."""
        return self.attributes.get("runtime")

    @property
    def context(self) -> TraceContext | None:
        """Where the trace that it belongs to goes on."""
        return extract(self.attributes, self.given["system"])

    @property
    def key(self) -> str:
        """Where it is kept in the payload bucket."""
        return f"{FOLDER}/{self.queue}/{_NOT_IN_KEYS.sub('_', self.message_id)}.json"

    def as_json(self) -> dict[str, Any]:
        """Return what a human needs to send it again, or to see why it got here."""
        return {
            "queue": self.queue_arn,
            "message_id": self.message_id,
            "body": self.body,
            "sent_at": self.sent_at.isoformat(),
            **self.given,
        }


def _in_envelope(body: str) -> dict[str, str]:
    """Return the attributes of a message that a topic delivered without raw delivery."""
    try:
        data = json.loads(body)
        return {
            name: value["Value"]
            for name, value in data["MessageAttributes"].items()
            if isinstance(value["Value"], str)
        }
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return {}
