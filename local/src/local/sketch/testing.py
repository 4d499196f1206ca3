"""Sketch runtimes inside a test's own event loop.

`async with sdwebui_server(seconds_per_image=0.2, faults=[{"kind": "oom"}]) as server:` gives `server.url`,
`server.faults.add(...)` and `server.stats.jobs`.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from local.sketch.faults import Fault, FaultPlan
from local.sketch.serving import SketchServer, serve_comfyui, serve_sdwebui
from local.sketch.settings import DEFAULT_MODELS, SketchSettings

__all__ = ["SketchServer", "comfyui_server", "sdwebui_server"]


@asynccontextmanager
async def sdwebui_server(
    *,
    seconds_per_image: float = 0.0,
    models: tuple[str, ...] = DEFAULT_MODELS,
    load_seconds: float = 0.0,
    cold_seconds: float = 0.0,
    paint: bool = True,
    picture_bytes: int = 0,
    port: int = 0,
    faults: Iterable[Fault | Mapping[str, Any]] = (),
) -> AsyncIterator[SketchServer]:
    """An SD Web UI sketch on a free port of 127.0.0.1, for the time of the block."""
    settings = SketchSettings(
        seconds_per_image=seconds_per_image,
        models=models,
        load_seconds=load_seconds,
        cold_seconds=cold_seconds,
        paint=paint,
        picture_bytes=picture_bytes,
    )
    async with serve_sdwebui(settings, FaultPlan(faults), port=port) as server:
        yield server


@asynccontextmanager
async def comfyui_server(
    *,
    seconds_per_image: float = 0.0,
    models: tuple[str, ...] = DEFAULT_MODELS,
    load_seconds: float = 0.0,
    history_delay: float = 0.0,
    previews: bool = False,
    paint: bool = True,
    picture_bytes: int = 0,
    port: int = 0,
    folder: Path | None = None,
    faults: Iterable[Fault | Mapping[str, Any]] = (),
) -> AsyncIterator[SketchServer]:
    """A ComfyUI sketch on a free port of 127.0.0.1, for the time of the block."""
    settings = SketchSettings(
        seconds_per_image=seconds_per_image,
        models=models,
        load_seconds=load_seconds,
        history_delay=history_delay,
        previews=previews,
        paint=paint,
        picture_bytes=picture_bytes,
        folder=folder,
    )
    async with serve_comfyui(settings, FaultPlan(faults), port=port) as server:
        yield server
