"""References to container images, as the kubelet will look for them."""

import re
from dataclasses import dataclass, replace
from typing import Self

from snapshots.errors import OptionError

DOCKER_HUB = "docker.io"
PUBLIC_ECR = "public.ecr.aws"
LONGEST = 256  # characters of a tag's value in EC2, which records an image
MOST = 30  # images: a snapshot may have 50 tags

_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?")
_PATH = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ECR = re.compile(r"([0-9]{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")
_DUAL_STACK_ECR = re.compile(r"[0-9]{12}\.dkr-ecr(-fips)?\..*")


@dataclass(frozen=True)
class EcrRegistry:
    """A private registry of ECR."""

    account: str
    region: str
    in_china: bool


@dataclass(frozen=True)
class Image:
    """A reference, in full: what the container runtime makes of a short one.

    Attributes:
        registry: its host, with a port if there is one.
        repository: the path in it.
        tag: None where only a digest was given.
        digest: `sha256:...`; None until it is looked up.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reference such as `nginx`, `public.ecr.aws/a/b:1` or `host/a/b:1@sha256:...`.

        Raises:
            OptionError: it is none, or one that the instance cannot pull.
        """
        rest, at, digest = text.strip().partition("@")
        if at and _DIGEST.fullmatch(digest) is None:
            raise _wrong(text, f"{digest!r} is no digest (sha256: and 64 hex digits)")
        last = rest.rpartition("/")[2]
        tag: str | None = None
        if ":" in last:
            rest, _, tag = rest.rpartition(":")
            if _TAG.fullmatch(tag) is None:
                raise _wrong(text, f"{tag!r} is no tag")
        registry, repository = _split(rest)
        if _DOMAIN.fullmatch(registry) is None or _PATH.fullmatch(repository) is None:
            raise _wrong(text, "it has to be [REGISTRY/]REPOSITORY[:TAG][@sha256:...], in lower case")
        if _DUAL_STACK_ECR.fullmatch(registry):
            raise _wrong(
                text, "write the registry as ACCOUNT.dkr.ecr.REGION.amazonaws.com, here and in the chart"
            )
        image = cls(registry, repository, tag or (None if digest else "latest"), digest or None)
        if len(str(image)) + (0 if digest else len("@sha256:") + 64) > LONGEST:
            raise _wrong(
                text, f"with its digest it is longer than the {LONGEST} characters that can be recorded"
            )
        return image

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def pinned(self) -> str:
        """The reference by digest alone, which needs one."""
        assert self.digest is not None
        return f"{self.name}@{self.digest}"

    @property
    def tagged(self) -> str | None:
        """The reference by tag alone, where there is a tag."""
        return f"{self.name}:{self.tag}" if self.tag else None

    @property
    def ecr(self) -> EcrRegistry | None:
        """Its registry in ECR, if it is a private one there."""
        found = _ECR.fullmatch(self.registry)
        return EcrRegistry(found[1], found[2], found[3] is not None) if found else None

    def at(self, digest: str) -> Self:
        """Return it with a digest."""
        return replace(self, digest=digest)

    def __str__(self) -> str:
        return (self.tagged or self.name) + (f"@{self.digest}" if self.digest else "")


def parse_images(arguments: list[str]) -> tuple[Image, ...]:
    """Read the images of a command line: several arguments, each with commas or without.

    Raises:
        OptionError: there is none, one is wrong, or one name means two things.
    """
    images = [Image.parse(one) for text in arguments for one in text.split(",") if one.strip()]
    if not images:
        raise OptionError("IMAGE: name at least one")
    unique = tuple(dict.fromkeys(images))
    if len(unique) > MOST:
        raise OptionError(f"IMAGE: {len(unique)} images; at most {MOST} can be recorded in a snapshot's tags")
    tagged = [image.tagged for image in unique if image.tagged]
    if twice := sorted({one for one in tagged if tagged.count(one) > 1}):
        raise OptionError(f"IMAGE: {twice[0]} is named with different digests")
    return unique


def _split(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if not slash or not (set(first) & set(".:") or first == "localhost"):
        first, rest = DOCKER_HUB, name
    if first == f"index.{DOCKER_HUB}":
        first = DOCKER_HUB
    if first == DOCKER_HUB and "/" not in rest:
        rest = f"library/{rest}"
    return first, rest


def _wrong(text: str, why: str) -> OptionError:
    return OptionError(f"IMAGE: {text!r} is not a reference that works here: {why}")
