"""A webhook as it travels in queues: the notification is the body, all else is in message attributes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from notifier.errors import UnreadableWebhookError
from notifier.letters import Letter

_URL, _TRY, _DUE, _REASON = "url", "try", "due", "reason"
_CARRIED = ("runtime", "traceparent")
_MOST_ATTRIBUTES = 10  # that SQS takes


@dataclass(frozen=True, slots=True)
class Webhook:
    """One event on its way to one receiver.

    `url` is not known before the first try, which reads it from the task's row: by the time of a later one
    the task's id may belong to another task. `number` is that of the try to come, from 1; `due` its time in
    ms since the epoch, 0 for at once.
    """

    task_id: str
    submission: str
    event_id: str
    body: str
    carried: Mapping[str, str]
    url: str | None = None
    number: int = 1
    due: int = 0

    @classmethod
    def of(cls, letter: Letter) -> "Webhook":
        """Read a message of the topic, or one that `attributes` was sent with.

        Raises:
            UnreadableWebhookError: it is neither.
        """
        found = letter.attributes
        try:
            number, due = int(found.get(_TRY, "1")), int(found.get(_DUE, "0"))
            webhook = cls(
                task_id=found["id"],
                submission=found["submission"],
                event_id=found["event_id"],
                body=letter.body,
                carried={name: found[name] for name in _CARRIED if name in found},
                url=found.get(_URL),
                number=number,
                due=due,
            )
        except (KeyError, ValueError) as exc:
            raise UnreadableWebhookError("an attribute is missing, or is no number") from exc
        if number < 1 or not (webhook.event_id.isascii() and webhook.event_id.isprintable()):
            raise UnreadableWebhookError("an attribute has a value that makes no sense")
        return webhook

    def to(self, url: str) -> "Webhook":
        """Return it with the URL of its receiver."""
        return replace(self, url=url)

    def again(self, due: int) -> "Webhook":
        """Return the next try, at a time in ms."""
        return replace(self, number=self.number + 1, due=due)

    def attributes(self) -> dict[str, str]:
        """Return the message attributes of the try to come."""
        return {**self._named(), _TRY: str(self.number), _DUE: str(self.due)}

    def dead(self, reason: str) -> dict[str, str]:
        """Return the message attributes of a dead letter; sent to a queue of webhooks it begins anew."""
        return {**self._named(), _REASON: reason, "tries": str(self.number)}

    def _named(self) -> dict[str, str]:
        named = {"id": self.task_id, "submission": self.submission, "event_id": self.event_id, **self.carried}
        return named if self.url is None else {**named, _URL: self.url}


def unreadable(letter: Letter) -> dict[str, str]:
    """Return the message attributes of a dead letter that was no webhook."""
    kept = {name: value for name, value in letter.attributes.items() if value and name != _REASON}
    return {_REASON: "unreadable", **dict(list(kept.items())[: _MOST_ATTRIBUTES - 1])}
