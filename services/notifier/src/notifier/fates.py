"""Where the notifier keeps what was decided about messages that nobody recorded at the API (DESIGN 4.2).

The queue agent keeps the same objects: a bare message may be decided on by either, and comes again.
"""

from notifier.ports import Payloads
from s3io.errors import ClaimMissingError
from task_store import FATE_NAME, MAX_FATE_BYTES, Fate


class Fates:
    """Keeps fates in the payload bucket, in the folder of the submission."""

    def __init__(self, payloads: Payloads) -> None:
        self._payloads = payloads

    def remember(self, submission: str, fate: Fate) -> None:
        """Keep a fate, before anything is told that follows from it.

        Raises:
            UnavailableError: nobody knows whether it was kept; doing it again is harmless.
        """
        self._payloads.put(submission, FATE_NAME, fate.value)

    def recall(self, submission: str) -> Fate | None:
        """Return what was decided; None: nothing yet.

        Raises:
            UnavailableError: S3 gave no answer.
        """
        ref = self._payloads.ref(submission, FATE_NAME)
        try:
            return Fate(self._payloads.get(ref, submission=submission, limit=MAX_FATE_BYTES))
        except ClaimMissingError:
            return None
