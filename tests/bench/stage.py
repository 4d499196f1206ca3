"""The processes of a measurement: sketch runtimes, and whoever works through the queue."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import httpx
import psutil

from local.environment import this_python
from local.ministack import client_environment
from local.sketch.settings import DEFAULT_MODELS
from tests.bench.busy import Run
from tests.bench.cloud import Cloud, Order, UnsettledError

AGENT = ("queue_agent",)
BASELINE = ("tests.bench.sequential",)
STOP_SECONDS = 60.0
LOG_TAIL = 2000  # characters
STEPS = 20
STARTED = "agent started"
POLL_SECONDS = 0.05


class Sketch:
    """A sketch runtime in a process of its own, which hardly works itself."""

    def __init__(self, kind: str, *, seconds_per_image: float, picture_bytes: int) -> None:
        command = (
            *("local.sketch", kind),
            *("--seconds-per-image", f"{seconds_per_image:g}"),
            *("--picture-bytes", f"{picture_bytes}"),
        )
        self.kind = kind
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command], stdout=subprocess.PIPE, env=environment(), text=True
        )
        self._http = httpx.Client(trust_env=False, timeout=30)

    def __enter__(self) -> Self:
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().split()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
        end(self._process)

    def runs(self) -> list[Run]:
        """Return the inferences that have ended."""
        answer = self._http.get(f"{self.url}/_sketch/runs").raise_for_status().json()
        return [Run(**each) for each in answer]


class Program:
    """The agent or the baseline in a process of its own.

    Args:
        module: with its arguments, as after `python -m`.
        cloud: whose queue it works through.
        sketch: its runtime.
        aws: the URL at which it finds AWS.
        folder: for its log.
        settings: that differ from the agent's own defaults.
    """

    def __init__(
        self,
        module: Sequence[str],
        cloud: Cloud,
        sketch: Sketch,
        *,
        aws: str,
        folder: Path,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._log = folder / f"{module[0]}-{id(self)}.log"
        env = {
            **environment(),
            **client_environment(aws),
            **cloud.settings(),
            "RUNTIME_TYPE": sketch.kind,
            "RUNTIME_URL": sketch.url,
            **({"MODEL_FILENAME": DEFAULT_MODELS[0]} if sketch.kind == "sdwebui" else {}),
            "STATE_DIR": str(folder),
            "RECEIVE_WAIT_SECONDS": "2",  # the emulator does not end while it answers a long poll
            **(settings or {}),
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *module], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._observed = psutil.Process(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end(self._process)

    def check_alive(self) -> None:
        """Raise `UnsettledError` if it has ended."""
        if self._process.poll() is not None:
            raise UnsettledError(f"it ended with {self._process.returncode}:\n{self.log_tail()}")

    def wait_started(self, seconds: float) -> None:
        """Wait until an agent's log says that it has started; raise `UnsettledError` if it does not."""
        deadline = time.monotonic() + seconds
        while STARTED not in self._log.read_text(errors="replace"):
            self.check_alive()
            if time.monotonic() > deadline:
                raise UnsettledError(f"it did not start within {seconds:g} s:\n{self.log_tail()}")
            time.sleep(POLL_SECONDS)

    def cpu_seconds(self) -> float:
        """Return the processor time that it has taken."""
        times = self._observed.cpu_times()
        return float(times.user + times.system)

    def peak_mb(self) -> float:
        """Return the most memory that it has had; where the system does not tell, what it has now."""
        status = Path(f"/proc/{self._process.pid}/status")
        if status.exists():
            lines = status.read_text().splitlines()
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
        return float(self._observed.memory_info().rss) / 1024**2

    def log_tail(self) -> str:
        """Return the end of its log."""
        return self._log.read_text(errors="replace")[-LOG_TAIL:]


def orders(kind: str, prefix: str, count: int) -> list[Order]:
    """Return tasks for a sketch, each with its own seed; their ids begin with `prefix`."""
    make = _txt2img if kind == "sdwebui" else _workflow
    return [make(f"{prefix}-{number:04}", number) for number in range(count)]


def _txt2img(task_id: str, seed: int) -> Order:
    content = {
        "prompt": "a lighthouse at dusk",
        "steps": STEPS,
        "width": 512,
        "height": 512,
        "seed": seed,
        "force_task_id": task_id,  # the sketch names its runs by it
    }
    return Order(task_id, "text-to-image", content)


def _workflow(task_id: str, seed: int) -> Order:
    def node(name: str, **inputs: Any) -> dict[str, Any]:
        return {"class_type": name, "inputs": inputs}

    sampler = {"seed": seed, "steps": STEPS, "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal"}
    links = {"model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["4", 0]}
    graph = {
        "1": node("CheckpointLoaderSimple", ckpt_name=DEFAULT_MODELS[0]),
        "2": node("CLIPTextEncode", text="a lighthouse at dusk", clip=["1", 1]),
        "3": node("CLIPTextEncode", text="blurry", clip=["1", 1]),
        "4": node("EmptyLatentImage", width=512, height=512, batch_size=1),
        "5": node("KSampler", denoise=1.0, **sampler, **links),
        "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
        "7": node("SaveImage", images=["6", 0], filename_prefix="bench"),
    }
    return Order(task_id, "pipeline", graph)


def environment() -> dict[str, str]:
    """Return an environment in which children find what this process finds, this folder's programs too."""
    env = this_python(os.environ)
    return {**env, "PYTHONPATH": os.pathsep.join((env["PYTHONPATH"], str(Path.cwd())))}


def end(process: "subprocess.Popen[Any]") -> None:
    """End a process by SIGTERM, and by SIGKILL where it takes too long."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Keep a folder for the time of the block; what ended processes leave in it does no harm."""
    with TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
