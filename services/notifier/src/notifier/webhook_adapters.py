"""Secrets Manager and SQS, as webhooks need them; what the SDK raises becomes `UnavailableError` here."""

import math
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from notifier.errors import BadSecretError, UnavailableError
from notifier.ports import Clock
from notifier.webhook_signing import Signer
from s3io.claimcheck import ClaimCheck
from s3io.errors import SDK_ERRORS, ClaimCheckError
from task_store import CALLBACK

#: A secret that was replaced is used after at most so long.
SECRET_SECONDS = 5 * 60
#: A failure to get one is taken for what others would get for so long.
FAILURE_SECONDS = 10
#: A callback has at most a few kilobytes.
MAX_CALLBACK_BYTES = 16 * 1024
#: The longest that SQS delays a message.
MAX_DELAY = 15 * 60


class KeptCallbacks:
    """The payload bucket, as far as it has callbacks; it is seldom asked, so its client is made then."""

    def __init__(self, make_client: Callable[[], Any], bucket: str) -> None:
        self._make_client = make_client
        self._bucket = bucket

    @cached_property
    def _claims(self) -> ClaimCheck:
        return ClaimCheck(self._make_client(), self._bucket)

    def kept(self, submission: str) -> str | None:
        """See `Callbacks`."""
        try:
            ref = self._claims.ref(submission, CALLBACK)
            value = self._claims.get(ref, submission=submission, limit=MAX_CALLBACK_BYTES)
        except (ClaimCheckError, ValueError):
            return None
        except SDK_ERRORS as exc:
            raise UnavailableError("the payload bucket gave no answer") from exc
        return value if isinstance(value, str) else None


class SecretSigners:
    """Signs with what Secrets Manager holds, asked for every few minutes."""

    def __init__(self, client: Any, secret: str, *, clock: Clock) -> None:
        self._client = client
        self._secret = secret
        self._clock = clock
        self._found: Signer | UnavailableError | None = None
        self._until = 0
        self._lock = threading.Lock()

    def current(self) -> Signer:
        """Return what signs now; where Secrets Manager does not answer, what signed last.

        Raises:
            BadSecretError: the secret is of no use, and there is no older one.
            UnavailableError: Secrets Manager gave no answer, and there is no older one.
        """
        # One asks and all others wait for what comes of it, so that no batch fails one by one.
        with self._lock:
            if self._found is None or self._clock() >= self._until:
                self._found = self._read()
                seconds = SECRET_SECONDS if isinstance(self._found, Signer) else FAILURE_SECONDS
                self._until = self._clock() + seconds * 1000
            if isinstance(self._found, UnavailableError):
                raise self._found.with_traceback(None)
            return self._found

    def _read(self) -> Signer | UnavailableError:
        try:
            text = self._client.get_secret_value(SecretId=self._secret).get("SecretString") or ""
            return Signer.read(str(text))
        except BadSecretError as exc:
            failure: UnavailableError = exc
        except SDK_ERRORS as exc:
            failure = UnavailableError("Secrets Manager gave no answer")
            failure.__cause__ = exc
        return self._found if isinstance(self._found, Signer) else failure


class SqsOutbox:
    """Sends to the queue of tries to come, and to that of dead letters."""

    def __init__(self, client: Any, *, retry_queue_url: str, dead_letters_url: str) -> None:
        self._client = client
        self._retry_queue_url = retry_queue_url
        self._dead_letters_url = dead_letters_url

    def later(self, body: str, attributes: Mapping[str, str], seconds: float) -> None:
        """See `Outbox`."""
        delay = min(MAX_DELAY, max(0, math.ceil(seconds)))
        self._send(self._retry_queue_url, body, attributes, delay)

    def dead(self, body: str, attributes: Mapping[str, str]) -> None:
        """See `Outbox`."""
        self._send(self._dead_letters_url, body, attributes, 0)

    def _send(self, url: str, body: str, attributes: Mapping[str, str], delay: int) -> None:
        values = {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
        }
        try:
            sent = self._client.send_message(
                QueueUrl=url, MessageBody=body, MessageAttributes=values, DelaySeconds=delay
            )
        except SDK_ERRORS as exc:
            raise UnavailableError("a queue did not take the webhook") from exc
        # Of an answer that was cut off the SDK makes one with nothing in it.
        if not sent.get("MessageId"):
            raise UnavailableError("a queue did not say whether it took the webhook")
