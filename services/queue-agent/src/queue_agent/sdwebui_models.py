"""Finding and loading checkpoints: a picture of another model than the one asked for is never delivered."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from queue_agent.errors import RuntimeLostError, TaskFailedError
from queue_agent.sdwebui_api import SdWebUiApi
from task_schema import TaskCode, same_model

LOAD_TIMEOUT = 900.0  # seconds; a large checkpoint from a cold network disk
REFRESH_TIMEOUT = 60.0  # seconds

# A title carries "[hash]" only once the hash has been computed, so that it changes between restarts.
_TITLE_HASH = re.compile(r"\s*\[[0-9a-fA-F]+\]$")
_HASH = re.compile(r"[0-9a-fA-F]{8,64}")
_MIN_HASH = 8


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One entry of `/sd-models`. `hashes` are what is known of the file, short and long."""

    title: str
    name: str
    filename: str
    hashes: tuple[str, ...]

    @classmethod
    def read(cls, entry: Any) -> Self | None:
        """Read an entry; None where it is of another shape."""
        if not isinstance(entry, dict) or not isinstance(entry.get("title"), str):
            return None
        hashes = [entry.get(key) for key in ("hash", "sha256")]
        return cls(
            title=entry["title"],
            name=_text(entry.get("model_name")),
            filename=_text(entry.get("filename")),
            hashes=tuple(each.lower() for each in hashes if isinstance(each, str) and each),
        )

    def is_called(self, name: str) -> bool:
        """Whether a name is one of this checkpoint's own, letter by letter."""
        return name in {self.title, _TITLE_HASH.sub("", self.title), self.name, self.filename}

    def is_like(self, name: str) -> bool:
        """Whether a name means this checkpoint: with or without folder and extension."""
        bare = _TITLE_HASH.sub("", name)
        if same_model(_TITLE_HASH.sub("", self.title), bare):
            return True
        return "/" not in bare and "\\" not in bare and same_model(self.name, bare)

    def has_hash(self, value: str) -> bool:
        """Whether a hash, short or long, is this file's, as far as its hash is known."""
        value = value.lower()
        if not _HASH.fullmatch(value):
            return False
        return any(own[: len(value)] == value[: len(own)] for own in self.hashes if len(own) >= _MIN_HASH)


def find(asked: str, checkpoints: Iterable[Checkpoint]) -> Checkpoint | None:
    """Find the checkpoint that a user means; an exact name goes before a likely one."""
    known = list(checkpoints)
    for fits in (Checkpoint.is_called, Checkpoint.is_like, Checkpoint.has_hash):
        for each in known:
            if fits(each, asked):
                return each
    return None


class Models:
    """The checkpoints of one SD Web UI, and which of them is loaded."""

    def __init__(self, api: SdWebUiApi, *, load_timeout: float = LOAD_TIMEOUT) -> None:
        self._api = api
        self._load_timeout = load_timeout

    async def ensure(self, asked: str) -> Checkpoint:
        """Make sure that a checkpoint is loaded; the runtime itself would silently take another.

        Raises:
            TaskFailedError: there is no such checkpoint, also after looking again (`unknown_model`).
            RuntimeLostError: it did not load.
            RuntimeRefusedStartError: the runtime cannot be asked.
        """
        wanted = find(asked, await self._listed())
        if wanted is None:
            await self._api.refresh_checkpoints(timeout=REFRESH_TIMEOUT)
            wanted = find(asked, await self._listed())
        if wanted is None:
            raise TaskFailedError(TaskCode.UNKNOWN_MODEL, f"the runtime has no model {asked}")
        if not await self.is_loaded(wanted):
            # Not by override_settings: an unknown name there is dropped, and some versions ignore it.
            await self._api.set_options({"sd_model_checkpoint": wanted.title}, timeout=self._load_timeout)
            if not await self.is_loaded(wanted):
                raise RuntimeLostError(f"the runtime did not load model {asked}")
        return wanted

    async def is_loaded(self, checkpoint: Checkpoint) -> bool:
        """Whether the settings name this checkpoint."""
        loaded = await self.loaded()
        return loaded is not None and (checkpoint.is_called(loaded) or checkpoint.is_like(loaded))

    async def loaded(self) -> str | None:
        """Return the name of the loaded checkpoint; None before the first is loaded."""
        loaded = (await self._api.options()).get("sd_model_checkpoint")
        return loaded if isinstance(loaded, str) and loaded else None

    async def _listed(self) -> list[Checkpoint]:
        entries = await self._api.ask("/sd-models")
        read = [Checkpoint.read(entry) for entry in entries] if isinstance(entries, list) else []
        return [each for each in read if each is not None]


def check_made_by(checkpoint: Checkpoint, info: dict[str, Any]) -> None:
    """Check that the answer's `info` names the checkpoint that was asked for.

    Raises:
        RuntimeLostError: another one made the picture.
    """
    name, digest = info.get("sd_model_name"), info.get("sd_model_hash")
    by_name = (
        checkpoint.is_called(name) or checkpoint.is_like(name) if isinstance(name, str) and name else None
    )
    by_hash = (
        checkpoint.has_hash(digest) if isinstance(digest, str) and digest and checkpoint.hashes else None
    )
    if by_hash is False or (by_name is False and by_hash is not True):
        raise RuntimeLostError(
            f"the runtime used model {name} ({digest}) where {checkpoint.name} was asked for"
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
