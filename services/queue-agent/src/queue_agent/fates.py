"""What was decided about messages that nobody recorded at the API (DESIGN 4.2).

A bare message can be delivered again after its row has gone to a later task of the same id. Only this memory
tells then whether it has run, was refused, or is new: each submission is told one outcome.
"""

import re
from enum import StrEnum

from queue_agent.aws import AwsCalls
from queue_agent.ports import Payloads
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

    def __init__(self, payloads: Payloads, bucket: str, calls: AwsCalls) -> None:
        self._payloads = payloads
        self._bucket = bucket
        self._calls = calls

    async def remember(self, submission: str, fate: Fate) -> None:
        """Keep a fate, before anything is told that follows from it.

        Raises:
            ServiceError: nobody knows whether it was kept; doing it again is harmless.
        """
        await self._calls(self._payloads.put, submission, _NAME, fate.value)

    async def recall(self, submission: str) -> Fate | None:
        """Return what was decided; None: nothing yet.

        Raises:
            ServiceError: S3 did not answer.
        """
        ref = f"s3://{self._bucket}/tasks/{submission}/{_NAME}.json"
        try:
            return Fate(await self._calls(self._payloads.get, ref, submission=submission, limit=_MAX_BYTES))
        except ClaimMissingError:
            return None
