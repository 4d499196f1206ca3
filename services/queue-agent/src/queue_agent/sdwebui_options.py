"""Keeping one request's `override_settings` from the next (runtimes.md Forge 2, recording a08)."""

import asyncio
import json
import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from queue_agent.errors import AgentError, RuntimeRefusedStartError
from queue_agent.sdwebui_api import SdWebUiApi

SET_TIMEOUT = 300.0  # seconds; a VAE may have to be loaded back
FILE = "sdwebui-settings.json"

log = logging.getLogger(__name__)


class OptionKeeper:
    """Writes settings back that a run left changed.

    The server promises to restore them itself, but forgets those that its configuration file does not hold. A
    setting that could not be written back stays owed, and nothing runs before it is settled; what is owed is
    also kept in a file, as this agent may be killed while the runtime goes on.

    Args:
        api: of the runtime.
        state_dir: a folder that outlives the agent's process; None for none.
    """

    def __init__(self, api: SdWebUiApi, state_dir: Path | None = None) -> None:
        self._api = api
        self._file = None if state_dir is None else state_dir / FILE
        self._owed: dict[str, Any] = {}
        self._recalled = False

    async def note(self, names: Collection[str]) -> None:
        """Remember how settings are before a run overrides them. Raises RuntimeRefusedStartError."""
        now = await self._api.options()
        self._owed = {name: now[name] for name in names if name in now}
        if self._file is not None and self._owed:
            await asyncio.to_thread(_write, self._file, self._owed)

    async def settle(self) -> None:
        """Write back what is not as it was, and see that it is.

        Raises:
            RuntimeRefusedStartError: it could not be done, so the next run would not be its own.
        """
        if not self._recalled:
            self._owed = {**await self._left_behind(), **self._owed}
            self._recalled = True
        if not self._owed:
            return
        changed = self._changed(await self._api.options())
        if changed:
            try:
                await self._api.set_options(changed, timeout=SET_TIMEOUT)
            except AgentError as exc:
                raise RuntimeRefusedStartError(f"settings could not be restored: {exc}") from exc
            still = self._changed(await self._api.options())
            if still:
                raise RuntimeRefusedStartError(f"settings could not be restored: {', '.join(sorted(still))}")
        self._owed = {}
        if self._file is not None:
            await asyncio.to_thread(_remove, self._file)

    def _changed(self, now: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in self._owed.items() if name in now and now[name] != value}

    async def _left_behind(self) -> dict[str, Any]:
        """Return what an agent before this one owed when it was killed."""
        try:
            text = await asyncio.to_thread(self._file.read_text, "utf-8") if self._file is not None else "{}"
            owed = json.loads(text)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as exc:
            log.warning("settings file not read", extra={"action": "state_unreadable", "cause": str(exc)})
            return {}
        return owed if isinstance(owed, dict) else {}


def _write(file: Path, owed: Mapping[str, Any]) -> None:
    new = file.with_suffix(".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(json.dumps(owed), encoding="utf-8")
        new.replace(file)
    except OSError as exc:
        # It would only be missed if the agent were killed during this very run.
        log.warning("settings file not written", extra={"action": "state_unwritable", "cause": str(exc)})


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as exc:
        # What it says would be restored once more, to what holds anyway.
        log.warning("settings file not removed", extra={"action": "state_unwritable", "cause": str(exc)})
