"""What `deploy` was asked for, checked as far as that needs neither files nor AWS."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from darkroom_cli.deploying.errors import WrongOptionsError
from darkroom_cli.deploying.findings import IGNORABLE, Code

STACK_NAME = "sdoneks"
RUNTIME_NAME = "sdruntime"
TYPES = ("sdwebui", "comfyui")
# The checkpoint of the guide. Its first home is gone; this one has the same file.
MODEL_URL = (
    "https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5/resolve/main/"
    "v1-5-pruned-emaonly.safetensors"
)
MODEL_SHA256 = "6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa"
MODEL_SUFFIXES = (".safetensors", ".ckpt")

_STACK = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_RUNTIME = re.compile(r"[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SNAPSHOT = re.compile(r"snap-[0-9a-f]{8,17}")
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._:/-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Options:
    """One call of `deploy`; None is "not said"."""

    config: Path
    stack_name: str | None = None
    region: str | None = None
    profile: str | None = None
    dry_run: bool = False
    bucket: str | None = None
    snapshot: str | None = None
    no_snapshot: bool = False
    runtime_name: str | None = None
    runtime_type: str | None = None
    agent_image: str | None = None
    model_url: str = MODEL_URL
    model_sha256: str | None = None
    skip_tools: bool = False
    wait: bool = True
    yes: bool = False
    ignore: tuple[int, ...] = field(default_factory=tuple)

    def check(self) -> None:
        """See whether they can be.

        Raises:
            WrongOptionsError: with all that are wrong.
        """
        if problems := list(self._problems()):
            raise WrongOptionsError(problems)

    @property
    def ignored(self) -> frozenset[Code]:
        """The codes of `--ignore`."""
        return frozenset(Code(one) for one in self.ignore)

    @property
    def checksum(self) -> str | None:
        """What the checkpoint has to be; of the default one it is known."""
        return self.model_sha256 or (MODEL_SHA256 if self.model_url == MODEL_URL else None)

    @property
    def model_file(self) -> str:
        """The checkpoint's name."""
        return self.model_url.partition("?")[0].rpartition("/")[2]

    def _problems(self) -> Iterator[str]:
        yield from _match(
            "--stack-name",
            self.stack_name,
            _STACK,
            "letters, digits and hyphens, at most 64, starting with a letter",
        )
        yield from _match("--region", self.region, _REGION, "a region such as us-east-1")
        yield from _match("--bucket", self.bucket, _BUCKET, "a bucket's name (not its ARN or address)")
        yield from _match("--snapshot", self.snapshot, _SNAPSHOT, "snap- and 8 to 17 hex digits")
        yield from _match(
            "--runtime-name",
            self.runtime_name,
            _RUNTIME,
            "1 to 53 lower-case letters, digits and hyphens, with a letter or digit at both ends",
        )
        yield from _match(
            "--agent-image", self.agent_image, _IMAGE, "REPOSITORY:TAG or REPOSITORY@sha256:..."
        )
        yield from _match("--model-sha256", self.model_sha256, _SHA256, "64 hex digits")
        if self.runtime_type is not None and self.runtime_type not in TYPES:
            yield f"--runtime-type: {self.runtime_type!r} is none of {', '.join(TYPES)}"
        if not self.model_url.startswith("https://"):
            yield f"--model-url: {shown(self.model_url)!r} does not start with https://"
        elif not self.model_file.endswith(MODEL_SUFFIXES):
            yield f"--model-url: {self.model_file!r} does not end in {' or '.join(MODEL_SUFFIXES)}"
        if self.snapshot and self.no_snapshot:
            yield "--no-snapshot: does not go with --snapshot"
        known = {code.value for code in IGNORABLE}
        for one in self.ignore:
            if one not in known:
                allowed = ", ".join(map(str, sorted(known)))
                yield f"--ignore: {one} cannot be passed over; these can: {allowed}"


def shown(url: str) -> str:
    """Return an address as it may be shown: without the keys and signatures that addresses carry."""
    parts = urlsplit(url)
    query = "?..." if parts.query else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{query}"


def _match(option: str, value: str | None, pattern: re.Pattern[str], wanted: str) -> Iterator[str]:
    if value is not None and pattern.fullmatch(value) is None:
        yield f"{option}: {value!r} is not {wanted}"
