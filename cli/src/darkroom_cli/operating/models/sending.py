"""One file to one object: in parts, several at a time, and nothing left behind where it does not get through.

S3 keeps the parts of an upload that was neither completed nor aborted, bills them, and shows them in no list.
So whatever ends the sending also aborts the upload: an error, Ctrl-C, SIGTERM.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from darkroom_cli.operating.errors import ModelRefusedError
from darkroom_cli.operating.models.bucket import Bucket

PART = 16 << 20  # bytes; four at a time fill a line, and are no burden on memory
AT_A_TIME = 4
MOST_PARTS = 10_000
CHECKSUM = "SHA256"  # S3 compares it with what arrives

type Progress = Callable[[int], None]


@dataclass(frozen=True)
class Sending:
    """A file on its way; `progress` is told of bytes that have arrived, from any thread."""

    path: Path
    size: int
    key: str
    metadata: Mapping[str, str]
    progress: Progress = lambda _: None


def send(sending: Sending, bucket: Bucket, *, part: int = PART) -> None:
    """Upload a file as a whole.

    Raises:
        ClientError, BotoCoreError: S3 did not take it; nothing of it is left there.
        ModelRefusedError: it was cut off while it was sent; nothing of it is left there.
        KeyboardInterrupt: interrupted, by SIGTERM too; nothing of it is left there.
    """
    size = max(part, -(-sending.size // MOST_PARTS))
    place = {"Bucket": bucket.name, "Key": sending.key}
    kind = {"ChecksumAlgorithm": CHECKSUM, "Metadata": dict(sending.metadata)}
    if sending.size <= size:
        bucket.s3.put_object(**place, **kind, Body=sending.path.read_bytes())
        sending.progress(sending.size)
        return
    with ended_by_sigterm(), ExitStack() as undoing:
        upload = place | {"UploadId": bucket.s3.create_multipart_upload(**place, **kind)["UploadId"]}
        undoing.callback(bucket.s3.abort_multipart_upload, **upload)
        parts = _parts(sending, bucket, upload, size)
        bucket.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        undoing.pop_all()


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the work as Ctrl-C does: with the cleaning up."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _parts(sending: Sending, bucket: Bucket, upload: Mapping[str, str], size: int) -> list[dict[str, Any]]:
    """Send all parts; return what completes the upload. No thread is at work any more when this ends."""
    stopped = threading.Event()

    def one(number: int) -> dict[str, Any]:
        if stopped.is_set():
            return {}
        start = (number - 1) * size
        with sending.path.open("rb") as file:
            file.seek(start)
            data = file.read(size)
        if len(data) < min(size, sending.size - start):
            raise ModelRefusedError(f"{sending.path} became shorter while it was sent")
        answer = bucket.s3.upload_part(**upload, PartNumber=number, Body=data, ChecksumAlgorithm=CHECKSUM)
        sending.progress(len(data))
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": answer["ChecksumSHA256"]}

    count = -(-sending.size // size)
    with ThreadPoolExecutor(AT_A_TIME) as pool, ExitStack() as stopping:
        stopping.callback(stopped.set)
        futures: list[Future[dict[str, Any]]] = [pool.submit(one, number) for number in range(1, count + 1)]
        return [future.result() for future in futures]
