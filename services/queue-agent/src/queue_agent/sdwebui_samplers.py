"""Checking samplers before a run: the runtime takes another for one that it does not know (recording a03)."""

from collections.abc import Iterator, Mapping
from typing import Any

from queue_agent.errors import RuntimeRefusedStartError, TaskFailedError
from queue_agent.sdwebui_api import Asks
from task_schema import TaskCode

# What the runtime itself puts into the field for "as in the first pass".
_SAME = "use same sampler"


class Samplers:
    """The samplers of one SD Web UI, asked for once, and again where a name is not among them."""

    def __init__(self, api: Asks) -> None:
        self._api = api
        self._names: Mapping[str, str] = {}
        self._schedulers: Mapping[str, str] = {}

    async def settle(self, body: Mapping[str, Any]) -> dict[str, str]:
        """Return the body's sampler fields with the names that the runtime will really look up.

        It matches `name` only, letter by letter, and falls back in silence; users also write aliases, other
        case, and "<sampler> <scheduler>".

        Raises:
            TaskFailedError: a sampler that it does not have (`runtime_refused`).
            RuntimeRefusedStartError: it cannot be asked.
        """
        return {field: await self._settle(field, name) for field, name in _asked(body)}

    def made(self, sampler: str, info: Mapping[str, Any]) -> bool:
        """Whether the answer's `info` names a settled sampler; the scheduler's name is left off there."""
        used = info.get("sampler_name")
        if not isinstance(used, str) or not used or used == sampler:
            return True
        scheduler = sampler.removeprefix(f"{used} ")
        return scheduler != sampler and scheduler.lower() in self._schedulers

    async def _settle(self, field: str, name: str) -> str:
        found = self._find(name)
        if found is None:
            await self._load()
            found = self._find(name)
        if found is None:
            raise TaskFailedError(TaskCode.RUNTIME_REFUSED, f"{field}: the runtime has no sampler {name}")
        return found

    def _find(self, name: str) -> str | None:
        asked = name.strip().lower()
        if asked in self._names:
            return self._names[asked]
        for ending, label in self._schedulers.items():
            if asked.endswith(f" {ending}") and asked.removesuffix(f" {ending}") in self._names:
                return f"{self._names[asked.removesuffix(f' {ending}')]} {label}"
        return None

    async def _load(self) -> None:
        self._names = _by_alias(await self._api.ask("/samplers"), own="name")
        try:
            self._schedulers = _by_alias(await self._api.ask("/schedulers"), own="label", also="name")
        except RuntimeRefusedStartError:
            self._schedulers = {}  # before 1.9 there were none: their names were part of the samplers'


def sampler_of(settled: Mapping[str, str]) -> str | None:
    """Return the sampler of the first pass among settled fields."""
    return settled.get("sampler_name") or settled.get("sampler_index")


def _asked(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    first = "sampler_name" if body.get("sampler_name") else "sampler_index"
    fields = [first, "hr_sampler_name"] if body.get("enable_hr") else [first]
    for field in fields:
        name = body.get(field)
        if isinstance(name, str) and name and name.lower() != _SAME:
            yield field, name


def _by_alias(entries: Any, *, own: str, also: str | None = None) -> dict[str, str]:
    known = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    known = [entry for entry in known if isinstance(entry.get(own), str)]
    names = {entry[own].lower(): entry[own] for entry in known}
    for entry in known:
        aliases = entry.get("aliases")
        others = [entry.get(also)] if also else []
        others += aliases if isinstance(aliases, list) else []
        for name in others:
            if isinstance(name, str):
                names.setdefault(name.lower(), entry[own])
    return names
