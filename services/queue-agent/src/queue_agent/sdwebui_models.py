"""Finding and loading checkpoints: a picture of another model than the one asked for is never delivered."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from queue_agent import spans
from queue_agent.errors import RuntimeLostError, TaskFailedError
from queue_agent.sdwebui_api import SdWebUiApi
from task_schema import TaskCode, same_model
from telemetry import names

LOAD_TIMEOUT = 900.0  # seconds; a large checkpoint from a cold network disk

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
    """The checkpoints of one SD Web UI, and which of them is loaded; asked for only where it is not known."""

    def __init__(self, api: SdWebUiApi, *, load_timeout: float = LOAD_TIMEOUT) -> None:
        self._api = api
        self._load_timeout = load_timeout
        self._known: list[Checkpoint] = []
        self._loaded: str | None = None

    async def find(self, asked: str) -> Checkpoint:
        """Find the checkpoint that a name means; the runtime itself would silently take another.

        Raises:
            TaskFailedError: there is none, also after looking again (`unknown_model`).
            RuntimeRefusedStartError: the runtime cannot be asked.
        """
        found = find(asked, self._known) or find(asked, await self._list())
        if found is None:
            # It looks again when the run that it is busy with is over.
            await self._api.refresh_checkpoints(timeout=self._load_timeout)
            found = find(asked, await self._list())
        if found is None:
            raise TaskFailedError(TaskCode.UNKNOWN_MODEL, f"the runtime has no model {asked}")
        return found

    def known(self, asked: str) -> Checkpoint | None:
        """Return the checkpoint that a name means, as far as is known without asking."""
        return find(asked, self._known)

    def has_loaded(self, checkpoint: Checkpoint) -> bool:
        """Whether a checkpoint is known to be loaded."""
        loaded = self._loaded
        return loaded is not None and (checkpoint.is_called(loaded) or checkpoint.is_like(loaded))

    def forget(self) -> None:
        """Trust no more in which checkpoint is loaded."""
        self._loaded = None

    async def ensure(self, asked: str, checkpoint: Checkpoint) -> Checkpoint:
        """Make sure that a checkpoint is loaded; return it as it is known then.

        Args:
            asked: the name that was asked for.
            checkpoint: what `find` found for it.

        Raises:
            TaskFailedError: it is not there any more (`unknown_model`).
            RuntimeLostError: it did not load.
            RuntimeRefusedStartError: the runtime cannot be asked.
        """
        if self.has_loaded(checkpoint):
            return checkpoint
        self._loaded = await self.loaded()
        if self.has_loaded(checkpoint):
            return checkpoint
        with spans.step("switch model", attributes={names.MODEL: checkpoint.name}):
            return await self._switch(asked)

    async def _switch(self, asked: str) -> Checkpoint:
        # Its title may be another since the runtime was started anew, and loading takes seconds anyway.
        self._known = []
        checkpoint = await self.find(asked)
        # Not by override_settings: an unknown name there is dropped, and some versions ignore it.
        self._loaded = None
        await self._api.set_options({"sd_model_checkpoint": checkpoint.title}, timeout=self._load_timeout)
        self._loaded = await self.loaded()
        if not self.has_loaded(checkpoint):
            raise RuntimeLostError(f"the runtime did not load model {asked}")
        return checkpoint

    async def load(self, asked: str) -> Checkpoint:
        """Find a checkpoint and make sure that it is loaded."""
        return await self.ensure(asked, await self.find(asked))

    async def loaded(self) -> str | None:
        """Ask for the name of the loaded checkpoint; None before the first is loaded."""
        loaded = (await self._api.options()).get("sd_model_checkpoint")
        return loaded if isinstance(loaded, str) and loaded else None

    def note(self, loaded: str | None) -> None:
        """Take notice of what `loaded` answered."""
        self._loaded = loaded

    async def _list(self) -> list[Checkpoint]:
        entries = await self._api.ask("/sd-models")
        read = [Checkpoint.read(entry) for entry in entries] if isinstance(entries, list) else []
        self._known = [each for each in read if each is not None]
        return self._known


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
