"""What is asked for, checked as far as that needs no AWS."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from snapshots.errors import OptionError
from snapshots.images import Image, parse_images

BOTTLEROCKET_VERSION = "1.57.0"  # a test compares with the chart's nodes
KUBERNETES_VERSION = "1.35"  # and with config.yaml
SIZE_GIB = 50
LATEST = "latest"

# Not the smallest: the images have to be unpacked. Both are in all regions, those in China included.
INSTANCE_TYPES: Mapping[str, str] = {"amd64": "m6i.large", "arm64": "m6g.large"}

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_KUBERNETES = re.compile(r"1\.[0-9]{2}")
_SUBNET = re.compile(r"subnet-[0-9a-f]{8,17}")
_GROUP = re.compile(r"sg-[0-9a-f]{8,17}")
_PROFILE = re.compile(r"[\w+=,.@-]{1,128}")
_KEY = re.compile(r"[A-Za-z0-9:/_-]{1,256}")
_TYPE = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+")


@dataclass(frozen=True)
class Limits:
    """Seconds that each step may take."""

    profile: float = 120
    start: float = 600
    online: float = 900
    ready: float = 600
    pull: float = 2700
    stop: float = 600
    snapshot: float = 7200
    end: float = 900
    poll: float = 5  # between two looks

    def lifetime(self, images: int) -> float:
        """Return the seconds after which the instance ends itself, should nobody be there to end it."""
        return self.online + self.ready + images * self.pull + self.stop + 1800


@dataclass(frozen=True)
class Request:
    """One call of `build`.

    Attributes:
        images: what has to be inside, without digests where none were given.
        region: where the snapshot is made.
        arches: `amd64`, `arm64`; a snapshot of its own is made for each.
        size_gib: of the data volume.
        encrypt: whether the snapshot is encrypted.
        kms_key: with which key; None is the account's default.
        subnet: where the instance is; None is a default subnet.
        security_groups: of the instance; none: one is made that lets nothing in.
        public_ip: None is as the subnet says.
        instance_profile: of the instance; None: one is made.
        kubernetes: version, as `1.35`.
        bottlerocket: version, as `1.57.0`, or `latest`.
        instance_types: of the instance, by architecture.
        reuse: take a snapshot that is there already.
        limits: how long steps may take.
    """

    images: tuple[Image, ...]
    region: str
    arches: tuple[str, ...] = ("amd64",)
    size_gib: int = SIZE_GIB
    encrypt: bool = True
    kms_key: str | None = None
    subnet: str | None = None
    security_groups: tuple[str, ...] = ()
    public_ip: bool | None = None
    instance_profile: str | None = None
    kubernetes: str = KUBERNETES_VERSION
    bottlerocket: str = BOTTLEROCKET_VERSION
    instance_types: Mapping[str, str] = field(default_factory=lambda: INSTANCE_TYPES)
    reuse: bool = False
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.encrypt and self.kms_key:
            raise OptionError("--kms-key: does not go with --no-encrypt")
        if not self.arches:
            raise OptionError("--arch: name at least one")
        _match("--kms-key", self.kms_key, _KEY, "a key's id, alias/NAME or ARN")
        _match("--subnet", self.subnet, _SUBNET, "subnet-...")
        for group in self.security_groups:
            _match("--security-group", group, _GROUP, "sg-...")
        _match("--instance-profile", self.instance_profile, _PROFILE, "a profile's name (not its ARN)")
        _match(
            "--kubernetes-version", self.kubernetes, _KUBERNETES, f"a version such as {KUBERNETES_VERSION}"
        )
        if self.bottlerocket != LATEST:
            wanted = f"a release such as {BOTTLEROCKET_VERSION}, or {LATEST}"
            _match("--bottlerocket-version", self.bottlerocket, _VERSION, wanted)


def make_request(
    images: list[str],
    *,
    region: str | None,
    arches: list[str] | None = None,
    instance_types: list[str] | None = None,
    bottlerocket: str = BOTTLEROCKET_VERSION,
    **more: Any,
) -> Request:
    """Make a request of what a command line says.

    Args:
        images: the arguments, each one image or several with commas.
        region: see `Request`; so are `bottlerocket` and all in `more`.
        arches: none is amd64.
        instance_types: each a type, or `ARCH=TYPE`.
        bottlerocket: with a `v` before it or without.
        more: the other fields of `Request`.

    Raises:
        OptionError: something is wrong; the message names the option.
    """
    chosen = tuple(dict.fromkeys(arches or ["amd64"]))
    for arch in chosen:
        if arch not in INSTANCE_TYPES:
            raise OptionError(f"--arch: {arch!r} is not one of {', '.join(INSTANCE_TYPES)}")
    return Request(
        images=parse_images(images),
        region=check_region(region),
        arches=chosen,
        instance_types=_types(instance_types or [], chosen),
        bottlerocket=bottlerocket.removeprefix("v"),  # as the chart writes it
        **more,
    )


def check_region(region: str | None) -> str:
    """Return the region.

    Raises:
        OptionError: there is none, or it does not look like one.
    """
    if not region:
        raise OptionError("--region: say which, or set AWS_REGION")
    _match("--region", region, _REGION, "a region such as us-east-1")
    return region


def _types(said: list[str], arches: tuple[str, ...]) -> Mapping[str, str]:
    types = dict(INSTANCE_TYPES)
    for one in said:
        arch, equals, name = one.partition("=")
        if not equals:
            if len(arches) > 1:
                raise OptionError(f"--instance-type: {one!r} is for which architecture? Write ARCH={one}")
            arch, name = arches[0], one
        if arch not in INSTANCE_TYPES:
            raise OptionError(f"--instance-type: {arch!r} is not one of {', '.join(INSTANCE_TYPES)}")
        _match("--instance-type", name, _TYPE, "a type such as m6i.large, or ARCH=TYPE")
        types[arch] = name
    return types


def _match(option: str, value: str | None, pattern: re.Pattern[str], wanted: str) -> None:
    if value is not None and pattern.fullmatch(value) is None:
        raise OptionError(f"{option}: {value!r} is not {wanted}")
