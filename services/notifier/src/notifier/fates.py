"""What was decided about messages that nobody recorded at the API (DESIGN 4.2).

The queue agent keeps the same objects: a bare message may be decided on by either, and comes again.
"""

import re
from enum import StrEnum

from notifier.ports import Payloads
from s3io.errors import ClaimMissingError

_NAME = "fate"
_MAX_BYTES = 64
_SUBMISSION = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def is_submission(text: str) -> bool:
    """Whether a text can name a submission: a row has room for it, and the payload bucket a folder."""
    return _SUBMISSION.fullmatch(text) is not None


class Fate(StrEnum):
    """What became of a message."""

    RECORDED = "recorded"
    CONFLICT = "conflict"


class Fates:
    """Keeps fates in the payload bucket, in the folder of the submission."""

    def __init__(self, payloads: Payloads) -> None:
        self._payloads = payloads

    def remember(self, submission: str, fate: Fate) -> None:
        """Keep a fate, before anything is told that follows from it.

        Raises:
            UnavailableError: nobody knows whether it was kept; doing it again is harmless.
        """
        self._payloads.put(submission, _NAME, fate.value)

    def recall(self, submission: str) -> Fate | None:
        """Return what was decided; None: nothing yet.

        Raises:
            UnavailableError: S3 gave no answer.
        """
        ref = self._payloads.own_ref(submission, _NAME)
        try:
            return Fate(self._payloads.get(ref, submission=submission, limit=_MAX_BYTES))
        except ClaimMissingError:
            return None
