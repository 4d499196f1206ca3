"""The snapshots that there are, as their tags tell."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from snapshots.failures import AWS_ERRORS, code_of
from snapshots.images import Image

MARK = "darkroom:snapshot"
BUILD = "darkroom:build"
_IMAGES = "darkroom:images"
_IMAGE = "darkroom:image/"
_BOTTLEROCKET = "darkroom:bottlerocket"
_KUBERNETES = "darkroom:kubernetes"
_ARCH = "darkroom:arch"
_KEY = "darkroom:kms-key"


@dataclass(frozen=True)
class Contents:
    """What is in a snapshot, and what it can be used with.

    Attributes:
        images: with digests.
        arch: `amd64` or `arm64`.
        bottlerocket: the release that it was made with, as `1.57.0`.
        kubernetes: the version that this release was of.
    """

    images: tuple[Image, ...]
    arch: str
    bottlerocket: str
    kubernetes: str

    @property
    def fingerprint(self) -> str:
        """The same for the same images by the same names, in whatever order."""
        return hashlib.sha256("\n".join(sorted(map(str, self.images))).encode()).hexdigest()

    def tags(self, *, build: str, kms_key: str | None) -> dict[str, str]:
        """Return the tags of a snapshot with it, made in `build`."""
        tags = {
            "Name": f"darkroom images {self.arch}",
            MARK: "1",
            BUILD: build,
            _IMAGES: self.fingerprint,
            _ARCH: self.arch,
            _BOTTLEROCKET: self.bottlerocket,
            _KUBERNETES: self.kubernetes,
        }
        tags |= {_KEY: kms_key} if kms_key else {}
        return tags | {f"{_IMAGE}{number}": str(image) for number, image in enumerate(self.images)}


@dataclass(frozen=True)
class Snapshot:
    """One that is there.

    Attributes:
        state: `pending`, `completed`, `error`, and others of EC2.
        size_gib: of the volume that it was made of.
        tags: all that it has.
    """

    id: str
    state: str
    started: datetime
    size_gib: int
    encrypted: bool
    tags: Mapping[str, str]

    @property
    def images(self) -> list[str]:
        """References of the images inside."""
        numbered = [key for key in self.tags if key.startswith(_IMAGE)]
        return [self.tags[key] for key in sorted(numbered, key=lambda key: (len(key), key))]

    @property
    def arch(self) -> str:
        """`amd64`, `arm64`, or nothing where the tag was taken away."""
        return self.tags.get(_ARCH, "")

    @property
    def bottlerocket(self) -> str:
        """The release that it was made with."""
        return self.tags.get(_BOTTLEROCKET, "")

    @property
    def kubernetes(self) -> str:
        """The version that this release was of."""
        return self.tags.get(_KUBERNETES, "")

    @property
    def purpose(self) -> tuple[str, ...]:
        """What it is for: snapshots with the same images in another version replace each other."""
        return (
            self.arch,
            *sorted({image.partition("@")[0].rpartition("/")[0] + _last(image) for image in self.images}),
        )


class Catalog:
    """The account's snapshots in a region that were made here."""

    def __init__(self, ec2: Any) -> None:
        self._ec2 = ec2

    def all(self, *tags: tuple[str, str]) -> list[Snapshot]:
        """Return them, newest first; with `tags`, those that have all of these.

        Raises:
            BotoCoreError, ClientError: EC2 refused.
        """
        filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in ((MARK, "1"), *tags)]
        pages = self._ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"], Filters=filters)
        found = [_read(one) for page in pages for one in page["Snapshots"]]
        return sorted(found, key=lambda one: (one.started, one.id), reverse=True)

    def find(
        self, contents: Contents, *, encrypted: bool, kms_key: str | None, size_gib: int
    ) -> Snapshot | None:
        """Return the newest complete one with these contents that is encrypted as wanted and no larger.

        Raises:
            BotoCoreError, ClientError: EC2 refused.
        """
        wanted = contents.tags(build="", kms_key=kms_key)
        keys = (_IMAGES, _ARCH, _BOTTLEROCKET, _KUBERNETES)
        for one in self.all(*[(key, wanted[key]) for key in keys]):
            if (one.state, one.encrypted, one.tags.get(_KEY)) != ("completed", encrypted, kms_key):
                continue
            if one.size_gib <= size_gib:
                return one
        return None

    def delete(self, snapshot_id: str) -> None:
        """Delete one; that it is not there is as good.

        Raises:
            BotoCoreError, ClientError: EC2 refused.
        """
        try:
            self._ec2.delete_snapshot(SnapshotId=snapshot_id)
        except AWS_ERRORS as exc:
            if code_of(exc) != "InvalidSnapshot.NotFound":
                raise


def superfluous(
    snapshots: Iterable[Snapshot],
    *,
    keep: int,
    in_use: Collection[str],
    older_than: timedelta | None,
    now: datetime,
) -> list[Snapshot]:
    """Return those that may go, oldest first.

    Args:
        snapshots: all that there are.
        keep: how many complete ones stay, the newest, of each architecture and set of images.
        in_use: ids that stay in any case; they count as kept.
        older_than: younger ones stay in any case.
        now: the time.
    """
    kept: dict[tuple[str, ...], int] = {}
    going = []
    for one in sorted(snapshots, key=lambda one: (one.started, one.id), reverse=True):
        if one.state not in ("completed", "error"):
            continue  # somebody is making it
        if one.state == "completed" and (one.id in in_use or kept.get(one.purpose, 0) < keep):
            kept[one.purpose] = kept.get(one.purpose, 0) + 1
            continue
        if one.id in in_use or (older_than is not None and now - one.started < older_than):
            continue
        going.append(one)
    return going[::-1]


def _read(said: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        id=said["SnapshotId"],
        state=said["State"],
        started=said["StartTime"],
        size_gib=int(said["VolumeSize"]),
        encrypted=bool(said.get("Encrypted")),
        tags={tag["Key"]: tag["Value"] for tag in said.get("Tags", ())},
    )


def _last(image: str) -> str:
    return "/" + image.partition("@")[0].rpartition("/")[2].partition(":")[0]
