"""The runtimes that the agent can sit beside: two built in, more by entry points (DESIGN 5).

A package adds one with an entry point in the group `darkroom.runtimes`, named as the `type` of the runtime in
`config.yaml`; it is a callable that takes `Settings` and returns a `queue_agent.ports.Runtime`.
"""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import cast

from queue_agent.comfyui import ComfyUi
from queue_agent.errors import SettingsError
from queue_agent.ports import Runtime
from queue_agent.sdwebui import SdWebUi
from queue_agent.settings import Settings

GROUP = "darkroom.runtimes"

RuntimeFactory = Callable[[Settings], Runtime]


def _sdwebui(settings: Settings) -> Runtime:
    return SdWebUi(
        settings.runtime_url,
        model_filename=settings.model_filename,
        dynamic_model=settings.dynamic_model,
        state_dir=settings.state_dir,
    )


def _comfyui(settings: Settings) -> Runtime:
    return ComfyUi(settings.runtime_url, loader_inputs=settings.loader_inputs)


BUILT_IN: dict[str, RuntimeFactory] = {"sdwebui": _sdwebui, "comfyui": _comfyui}


def make_runtime(settings: Settings) -> Runtime:
    """Make the adapter for the configured type of runtime.

    Raises:
        SettingsError: there is none; names those there are.
    """
    factory = BUILT_IN.get(settings.runtime_type)
    if factory is None:
        found = {entry.name: entry for entry in entry_points(group=GROUP)}
        entry = found.get(settings.runtime_type)
        if entry is None:
            known = ", ".join(sorted({*BUILT_IN, *found}))
            raise SettingsError(
                f"RUNTIME_TYPE: there is no adapter for {settings.runtime_type!r}; known are: {known}"
            )
        factory = cast("RuntimeFactory", entry.load())
    return factory(settings)
