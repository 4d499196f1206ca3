"""Webhooks that nobody took, in their dead-letter queue: each begins anew, with the same `webhook-id`.

The notifier reads body, `id`, `submission`, `event_id` and, where it is known, `url`; `try` and `due` say
when (DESIGN 4.3). Reading a queue hides its messages for a while: who looks gives back what he does not send.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from botocore.exceptions import ClientError

from darkroom_cli.redriving.items import WEBHOOK, Item, Wanted

HIDDEN = 300  # seconds that a message is ours
_BATCH = 10
_LEFT_OUT = ("reason", "tries", "try", "due")
_FIRST_TRY = {"try": "1", "due": "0"}
_HINDRANCES = {
    "unreadable": "it is no webhook",
    "unaddressed": "its receiver is not known: its task's row is another's, or names none",
}


class FailedWebhooks:
    """The dead letters of webhooks of one system.

    Args:
        sqs: boto3's client.
        dead_letters: URL of their queue.
        retries: URL of the queue of later tries.
    """

    def __init__(self, sqs: Any, *, dead_letters: str, retries: str) -> None:
        self._sqs = sqs
        self._dead_letters = dead_letters
        self._retries = retries
        self._in_hand: dict[str, str] = {}

    @contextmanager
    def found(self, wanted: Wanted) -> Iterator[list[Item]]:
        """Give those that are meant; in the end what was not sent is in its queue as before."""
        try:
            yield [item for message in self._all() if wanted.has(item := self._item(message))]
        finally:
            for receipt in self._in_hand.values():
                with suppress(ClientError):  # it was ours for too long: it is back by itself
                    self._sqs.change_message_visibility(
                        QueueUrl=self._dead_letters, ReceiptHandle=receipt, VisibilityTimeout=0
                    )
            self._in_hand.clear()

    def _all(self) -> Iterator[Mapping[str, Any]]:
        """Receive until the queue brings nothing new."""
        while True:
            received: Sequence[Mapping[str, Any]] = self._sqs.receive_message(
                QueueUrl=self._dead_letters,
                MaxNumberOfMessages=_BATCH,
                WaitTimeSeconds=1,
                VisibilityTimeout=HIDDEN,
                MessageAttributeNames=["All"],
            ).get("Messages", ())
            new = [message for message in received if message["MessageId"] not in self._in_hand]
            self._in_hand.update((message["MessageId"], message["ReceiptHandle"]) for message in received)
            yield from new
            if not new:
                return

    def _item(self, message: Mapping[str, Any]) -> Item:
        attributes: Mapping[str, Any] = message.get("MessageAttributes", {})
        texts = {name: value.get("StringValue", "") for name, value in attributes.items()}
        reason = texts.get("reason", "received too often")
        return Item(
            WEBHOOK,
            texts.get("id", "?"),
            texts.get("runtime", "?"),
            reason,
            _HINDRANCES.get(reason),
            self._sender(message, attributes),
        )

    def _sender(self, message: Mapping[str, Any], attributes: Mapping[str, Any]) -> Callable[[], None]:
        kept = {
            name: {"DataType": value["DataType"], "StringValue": value["StringValue"]}
            for name, value in attributes.items()
            if name not in _LEFT_OUT and value.get("StringValue")
        }
        begun = {name: {"DataType": "String", "StringValue": value} for name, value in _FIRST_TRY.items()}

        def send() -> None:
            self._sqs.send_message(
                QueueUrl=self._retries, MessageBody=message["Body"], MessageAttributes={**kept, **begun}
            )
            receipt = self._in_hand[message["MessageId"]]
            self._sqs.delete_message(QueueUrl=self._dead_letters, ReceiptHandle=receipt)
            del self._in_hand[message["MessageId"]]

        return send
