"""Keeping one request's `override_settings` from the next (runtimes.md Forge 2, recording a08)."""

from collections.abc import Collection
from typing import Any

from queue_agent.errors import AgentError, RuntimeRefusedStartError
from queue_agent.sdwebui_api import SdWebUiApi

SET_TIMEOUT = 300.0  # seconds; a VAE may have to be loaded back


class OptionKeeper:
    """Writes settings back that a run left changed.

    The server promises to restore them itself, but forgets those that its configuration file does not hold. A
    setting that could not be written back stays owed, and nothing runs before it is settled.
    """

    def __init__(self, api: SdWebUiApi) -> None:
        self._api = api
        self._owed: dict[str, Any] = {}

    async def note(self, names: Collection[str]) -> None:
        """Remember how settings are before a run overrides them. Raises RuntimeRefusedStartError."""
        if names:
            now = await self._api.options()
            self._owed = {name: now[name] for name in names if name in now}

    async def settle(self) -> None:
        """Write back what is not as it was.

        Raises:
            RuntimeRefusedStartError: it could not be done, so the next run would not be its own.
        """
        if not self._owed:
            return
        now = await self._api.options()
        changed = {name: value for name, value in self._owed.items() if now.get(name) != value}
        if changed:
            try:
                await self._api.set_options(changed, timeout=SET_TIMEOUT)
            except AgentError as exc:
                raise RuntimeRefusedStartError(f"settings could not be restored: {exc}") from exc
        self._owed = {}
