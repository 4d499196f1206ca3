"""A checkpoint from the web into a bucket, without a copy on this machine: it has gigabytes."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx

from darkroom_cli.deploying.aws import AWS_ERRORS
from darkroom_cli.deploying.errors import StepError
from darkroom_cli.deploying.options import shown
from darkroom_cli.deploying.ports import Progress

PART = 64 * 1024 * 1024  # bytes; S3 takes at most 10,000 parts of at least 5 MiB
GIB = 1024**3
_WEB_ERRORS = (httpx.HTTPError, httpx.InvalidURL)
_NO_HEAD = (403, 405, 501)


class WebModels:
    """Copies files from the web into S3."""

    def __init__(self, s3: Any, http: httpx.Client, progress: Progress, *, part: int = PART) -> None:
        """Take a client of S3 and one for the web.

        Args:
            s3: boto3's client.
            http: follows redirects; its time-outs are for each read.
            progress: is told how far it is.
            part: bytes of a part.
        """
        self._s3 = s3
        self._http = http
        self._progress = progress
        self._part = part

    def check(self, url: str) -> str | None:
        """Return why it cannot be had, or None if it can."""
        try:
            answer = self._http.head(url)
            if answer.status_code in _NO_HEAD:
                # An address that is signed for GET.
                with self._http.stream("GET", url) as answer:
                    pass
        except _WEB_ERRORS as exc:
            return _reason(exc)
        return None if answer.is_success else f"HTTP {answer.status_code}"

    def copy(self, url: str, *, bucket: str, key: str, sha256: str | None) -> None:
        """Put it into the bucket; the object is there only once it is complete and right.

        Raises:
            StepError: it failed, or it is not the right file; nothing of it is left.
        """
        try:
            # Compressed on the way, it would not have the size that is told.
            with self._http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer:
                if not answer.is_success:
                    raise StepError(f"downloading {shown(url)}: HTTP {answer.status_code}")
                total = int(answer.headers.get("content-length") or 0)
                self._upload(answer.iter_bytes(), bucket=bucket, key=key, sha256=sha256, total=total)
        except _WEB_ERRORS as exc:
            raise StepError(f"downloading {shown(url)}: {_reason(exc)}") from exc
        except AWS_ERRORS as exc:
            raise StepError(f"uploading to s3://{bucket}/{key}: {exc}") from exc
        finally:
            self._progress.detail("")

    def _upload(
        self, data: Iterable[bytes], *, bucket: str, key: str, sha256: str | None, total: int
    ) -> None:
        digest = hashlib.sha256()
        where = {"Bucket": bucket, "Key": key}
        with ExitStack() as undo:
            upload = self._s3.create_multipart_upload(**where)["UploadId"]
            # An upload that is neither complete nor aborted stays, unseen, and costs.
            undo.callback(self._s3.abort_multipart_upload, **where, UploadId=upload)
            parts, size = [], 0
            for number, part in enumerate(_parts(data, self._part), 1):
                if number == 1:
                    _check_start(part, key)
                digest.update(part)
                size += len(part)
                tag = self._s3.upload_part(**where, UploadId=upload, PartNumber=number, Body=part)["ETag"]
                parts.append({"PartNumber": number, "ETag": tag})
                of = f" of {total / GIB:.1f}" if total else ""
                self._progress.detail(f"{key}: {size / GIB:.1f}{of} GiB")
            if size == 0 or (total and size != total):
                raise StepError(f"the download ended after {size} of {total} bytes")
            if sha256 is not None and digest.hexdigest() != sha256:
                raise StepError(
                    f"{key} is not the file that it should be: its SHA-256 is {digest.hexdigest()}"
                )
            self._s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
            undo.pop_all()


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _check_start(part: bytes, key: str) -> None:
    """See whether it begins as a model does: a page that asks to log in is an answer of 200, too."""
    if part[8:9] != b"{" if key.endswith(".safetensors") else part.lstrip()[:1] == b"<":
        raise StepError(f"{key} is not the file that it should be: it does not begin as a model does")


def _parts(data: Iterable[bytes], size: int) -> Iterator[bytes]:
    waiting = bytearray()
    for piece in data:
        waiting += piece
        while len(waiting) >= size:
            yield bytes(waiting[:size])
            del waiting[:size]
    if waiting:
        yield bytes(waiting)
