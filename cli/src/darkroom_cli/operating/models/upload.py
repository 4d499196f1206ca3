"""`darkroom models upload`: files of one type into its folder of the bucket."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.operating.models.bucket import Bucket
from darkroom_cli.operating.models.folders import FOLDERS
from darkroom_cli.operating.models.formats import check_model
from darkroom_cli.operating.models.sending import Sending, send
from darkroom_cli.operating.system import telling
from darkroom_cli.terminal import Terminal

DIGEST = "sha256"  # the object's metadata that says what is in it
_CHUNK = 1 << 22  # bytes
# What pods see at once, and what they link at their start (values.yaml of the chart, `writableFolders`).
_AT_ONCE = frozenset({"Stable-diffusion", "Lora", "VAE", "ControlNet", "embeddings", "hypernetworks"})


@dataclass(frozen=True)
class Item:
    """One file, checked: where it goes, and how large it is."""

    path: Path
    key: str
    size: int


def plan(files: Sequence[Path], type_: str, *, allow_pickle: bool) -> list[Item]:
    """Check the type and all files before anything is sent.

    Raises:
        BadRequestOptionError: there is no such type, two files have one name, or a file cannot be read.
        ModelRefusedError: a file is not what it says, or would run code.
    """
    folder = next((one for one in FOLDERS if one.lower() == type_.lower()), None)
    if folder is None:
        raise BadRequestOptionError(f"--type: {type_!r} is none of {', '.join(FOLDERS)}")
    items = [
        Item(path, f"{folder}/{path.name}", check_model(path, allow_pickle=allow_pickle)) for path in files
    ]
    keys = [item.key for item in items]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise BadRequestOptionError(f"two files would become {twice}: rename one of them")
    return items


def upload(items: Sequence[Item], bucket: Bucket, *, terminal: Terminal, force: bool = False) -> None:
    """Upload what the bucket does not have with the same content; say where each is.

    Raises:
        AwsError: S3 did not take one; those before it are there.
    """
    sent = []
    for item in items:
        where = f"s3://{bucket.name}/{item.key}"
        with telling(where), _drawn(terminal) as progress:
            digest = _digest(item, progress)
            if not force and _has(bucket, item, digest):
                terminal.remark(f"{item.path.name}: the bucket has it already, with this content")
            else:
                bar = progress.add_task(f"sending {item.path.name}", total=item.size)

                def advance(count: int, bar: Any = bar, progress: Progress = progress) -> None:
                    progress.advance(bar, count)

                send(Sending(item.path, item.size, item.key, {DIGEST: digest}, advance), bucket)
                sent.append(item)
        terminal.say(where)
    _tell_next(sent, terminal)


def _drawn(terminal: Terminal) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        console=terminal.err,
        disable=not terminal.err.is_terminal,
        transient=True,
    )


def _digest(item: Item, progress: Progress) -> str:
    bar = progress.add_task(f"reading {item.path.name}", total=item.size)
    digest = hashlib.sha256()
    with item.path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            progress.advance(bar, len(chunk))
    return digest.hexdigest()


def _has(bucket: Bucket, item: Item, digest: str) -> bool:
    try:
        there = bucket.s3.head_object(Bucket=bucket.name, Key=item.key)
    except ClientError as exc:
        if exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
            return False
        raise
    known: tuple[int, str | None] = (there["ContentLength"], there.get("Metadata", {}).get(DIGEST))
    return known == (item.size, digest)


def _tell_next(sent: Sequence[Item], terminal: Terminal) -> None:
    folders = {item.key.partition("/")[0] for item in sent}
    if folders & _AT_ONCE:
        terminal.remark("pods see it at once: they read the bucket itself")
    if folders - _AT_ONCE:
        terminal.remark(
            "SD Web UI sees it in new pods only: kubectl rollout restart deployment/<runtime> -n <namespace>"
        )
