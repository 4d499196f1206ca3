"""`python -m local.sketch sdwebui|comfyui`: one sketch runtime as a process."""

import argparse
import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

from local.sketch.faults import FaultPlan
from local.sketch.serving import serve_comfyui, serve_sdwebui
from local.sketch.settings import DEFAULT_MODELS, SketchSettings

SERVE = {"sdwebui": serve_sdwebui, "comfyui": serve_comfyui}


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="sketch",
        description="A stand-in for a GPU runtime: speaks its protocol, paints instead of inferring.",
    )
    parser.add_argument("runtime", choices=sorted(SERVE))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--seconds-per-image", type=float, default=0.5, metavar="S")
    parser.add_argument(
        "--load-seconds", type=float, default=0.0, metavar="S", help="time of loading a model"
    )
    parser.add_argument(
        "--cold-seconds", type=float, default=0.0, metavar="S", help="no model this long after start"
    )
    parser.add_argument(
        "--models", default=",".join(DEFAULT_MODELS), help="checkpoint file names, comma separated"
    )
    parser.add_argument(
        "--no-paint", action="store_true", help="one prepared picture per size, for benchmarks"
    )
    parser.add_argument(
        "--picture-bytes",
        type=int,
        default=0,
        metavar="N",
        help="answer with one incompressible picture of this size, for benchmarks",
    )
    parser.add_argument(
        "--history-delay", type=float, default=0.0, metavar="S", help="comfyui: late history entries"
    )
    parser.add_argument("--previews", action="store_true", help="comfyui: binary preview frames")
    parser.add_argument("--folder", type=Path, help="comfyui: where its input and output files live")
    return parser.parse_args(argv)


def settings_of(options: argparse.Namespace) -> SketchSettings:
    """The settings that the command line asks for."""
    return SketchSettings(
        seconds_per_image=options.seconds_per_image,
        models=tuple(name for name in options.models.split(",") if name),
        load_seconds=options.load_seconds,
        cold_seconds=options.cold_seconds,
        paint=not options.no_paint,
        history_delay=options.history_delay,
        previews=options.previews,
        picture_bytes=options.picture_bytes,
        folder=options.folder,
    )


async def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    serve = SERVE[options.runtime]
    async with serve(settings_of(options), FaultPlan(), host=options.host, port=options.port) as server:
        print(f"ready {server.url}", flush=True)  # noqa: T201 (whoever started us waits for this line)
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(run(arguments()))
