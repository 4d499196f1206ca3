"""What a submission may be called (DESIGN 4.2)."""

import re
import uuid

_SUBMISSION = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def is_submission(text: str) -> bool:
    """Whether a text can name a submission: a row has room for it, and the payload bucket a folder."""
    return _SUBMISSION.fullmatch(text) is not None


def unread_submission(given: str | None, message_id: str) -> str:
    """Return the submission of a message that cannot be read, the same for each of its deliveries.

    Args:
        given: what it says itself (`UnreadableMessageError.submission`).
        message_id: SQS message id; a submission is derived from it where `given` cannot name one.
    """
    if given is not None and is_submission(given):
        return given
    return str(uuid.uuid5(uuid.NAMESPACE_OID, message_id))
