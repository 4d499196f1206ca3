from collections.abc import Mapping
from typing import Any, Protocol

from s3io.presigning import PresignedPut


class Publisher(Protocol):
    """The requests topic."""

    def publish(self, body: str, attributes: Mapping[str, str], *, tenant: str | None = None) -> None:
        """Publish a message.

        Args:
            body: JSON text.
            attributes: of the message.
            tenant: whose message it is, for queues that share themselves fairly among tenants.

        Raises:
            UnavailableError: the topic did not take it, or did not say so.
        """


class Uploads(Protocol):
    """Makes requests by which clients send files, without credentials."""

    def grant(self, upload_id: str, *, size: int, content_type: str | None) -> PresignedPut:
        """Return the request that sends a file of this size and type.

        Raises:
            UnavailableError: it could not be signed.
        """


class Payloads(Protocol):
    """Where values wait that are too large for a message or a row."""

    def put(self, submission: str, name: str, value: Any) -> str:
        """Keep a JSON value of a submission and return its S3 URI; a former value of that name is replaced.

        Raises:
            UnavailableError: it was not stored, or nobody knows.
        """
