"""How long a cold start of the validator imports, compared with the least that a function in AWS imports.

`python tests/bench/validator_import.py [--zip dist/validator-0.1.0.zip] [--runs 11]` ends with 1 where the
handler takes more than `LIMIT` times as long as `import boto3` with two clients. With a zip the handler comes
from there, and boto3 from a folder that has nothing else in it, as in Lambda; without, from the sources.

Processor time decides: an import waits for nothing, and on a machine that is busy with other things the time
on the clock measures those. Both are printed.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIMIT = 1.5
RUNS = 11

# What the Lambda runtime for Python brings along.
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")

BASELINE = "import boto3; boto3.client('sns'); boto3.client('dynamodb')"
HANDLER_IN_ZIP = "import lambda_function; lambda_function.handler"
HANDLER_IN_SOURCES = "import validator.handler; validator.handler.handler"

_TIMED = """
import time
clock, processor = time.perf_counter(), time.process_time()
{code}
print(time.perf_counter() - clock, time.process_time() - processor)
"""

_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "TASKS_TABLE": "tasks",
    "REQUESTS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:requests",
    "PAYLOAD_BUCKET": "payload",
    "OUTPUT_BUCKET": "outputs",
    "RUNTIMES": json.dumps([{"name": "sdruntime", "type": "sdwebui", "modelFilename": "m.safetensors"}]),
    "POWERTOOLS_SERVICE_NAME": "validator",
}


@dataclass(frozen=True, slots=True)
class Times:
    """Medians in seconds."""

    clock: float
    processor: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was measured in one go, the two taking turns."""

    baseline: Times
    handler: Times

    @property
    def ratio(self) -> float:
        return self.handler.processor / self.baseline.processor

    def __str__(self) -> str:
        def row(name: str, times: Times) -> str:
            return f"{name:26} {times.processor * 1000:6.0f} ms processor {times.clock * 1000:6.0f} ms clock"

        clock = self.handler.clock / self.baseline.clock
        return "\n".join(
            (
                row("boto3 with two clients", self.baseline),
                row("validator with two clients", self.handler),
                f"ratio {self.ratio:.2f} by the processor (at most {LIMIT}), {clock:.2f} by the clock",
            )
        )


def compare(zip_file: Path | None, *, runs: int = RUNS) -> Comparison:
    """Measure both imports, each in `runs` fresh processes."""
    with tempfile.TemporaryDirectory(prefix="validator-import-") as folder:
        if zip_file is None:
            handler, path = HANDLER_IN_SOURCES, os.pathsep.join(filter(None, sys.path))
        else:
            handler, path = HANDLER_IN_ZIP, _as_in_lambda(zip_file, Path(folder))
        environment = {**_ENVIRONMENT, "PYTHONPATH": path, "PATH": os.environ["PATH"]}
        cases = {BASELINE: environment, handler: environment}
        for code, env in cases.items():
            _run(code, env, Path(folder))  # so that all bytecode is there
        times: dict[str, list[tuple[float, float]]] = {code: [] for code in cases}
        for _ in range(runs):
            for code, env in cases.items():
                times[code].append(_run(code, env, Path(folder)))
    return Comparison(_medians(times[BASELINE]), _medians(times[handler]))


def _as_in_lambda(zip_file: Path, folder: Path) -> str:
    task, runtime = folder / "task", folder / "runtime"
    runtime.mkdir()
    with zipfile.ZipFile(zip_file) as archive:
        archive.extractall(task)
    for name in RUNTIME_PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            sys.exit(f"{name} is not installed beside this script")
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (runtime / source.name).symlink_to(source)
    return os.pathsep.join((str(task), str(runtime)))


def _run(code: str, env: Mapping[str, str], folder: Path) -> tuple[float, float]:
    # -S: what is installed beside this script is not there, unless the path says so.
    done = subprocess.run(
        [sys.executable, "-S", "-c", _TIMED.format(code=code)],
        env=env,
        cwd=folder,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    clock, processor = map(float, done.stdout.split())
    return clock, processor


def _medians(times: list[tuple[float, float]]) -> Times:
    return Times(
        clock=statistics.median(clock for clock, _ in times),
        processor=statistics.median(processor for _, processor in times),
    )


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description="Compare the validator's cold import with boto3's.")
    parser.add_argument("--zip", type=Path, help="the built zip; from the sources where it is not given")
    parser.add_argument("--runs", type=int, default=RUNS)
    options = parser.parse_args()
    comparison = compare(options.zip, runs=options.runs)
    print(comparison)
    return 0 if comparison.ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
