"""Where the agent keeps what was decided about messages that nobody recorded at the API (DESIGN 4.2).

The notifier keeps the same objects: a bare message may be decided on by either, and comes again.
"""

from queue_agent.aws import AwsCalls
from queue_agent.ports import Payloads
from s3io.errors import ClaimMissingError
from task_store import FATE_NAME, MAX_FATE_BYTES, Fate


class Fates:
    """Keeps fates in the payload bucket, in the folder of the submission."""

    def __init__(self, payloads: Payloads, calls: AwsCalls) -> None:
        self._payloads = payloads
        self._calls = calls

    async def remember(self, submission: str, fate: Fate) -> None:
        """Keep a fate, before anything is told that follows from it.

        Raises:
            ServiceError: nobody knows whether it was kept; doing it again is harmless.
        """
        await self._calls(self._payloads.put, submission, FATE_NAME, fate.value)

    async def recall(self, submission: str) -> Fate | None:
        """Return what was decided; None: nothing yet.

        Raises:
            ServiceError: S3 did not answer.
        """
        ref = self._payloads.ref(submission, FATE_NAME)
        try:
            kept = await self._calls(self._payloads.get, ref, submission=submission, limit=MAX_FATE_BYTES)
        except ClaimMissingError:
            return None
        return Fate(kept)
