"""What the commands take, without anything that takes time to load."""

from dataclasses import dataclass, field
from pathlib import Path

from darkroom_cli import bodies
from darkroom_cli.bodies import Wish

TASKS = (bodies.TEXT_TO_IMAGE, bodies.IMAGE_TO_IMAGE, bodies.EXTRA_SINGLE_IMAGE, bodies.PIPELINE)
SUBMIT_TIMEOUT = 300.0  # seconds
TRACE_WAIT = 8.0  # seconds; spans are on their way for about one
DEMO_TIMEOUT = 120.0  # seconds for all six


@dataclass(frozen=True)
class SubmitOptions:
    """The options of `submit`; None is "not given"."""

    wish: Wish = field(default_factory=Wish)
    tasktype: str | None = None
    image: str | None = None
    workflow: Path | None = None
    json_file: Path | None = None
    runtime: str | None = None
    task_id: str | None = None
    output: Path | None = None
    wait: bool = True
    timeout: float = SUBMIT_TIMEOUT
