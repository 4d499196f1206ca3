"""How long a cold start of the validator imports, compared with the least that a function in AWS imports.

`python tests/bench/validator_import.py [--zip dist/validator-0.2.0.zip] [--runs 11]` ends with 1 where the
handler, with tracing, takes more than `LIMIT` times as long as `import boto3` with two clients, or where
tracing costs more than `TRACING_COLD` of a cold start or `TRACING_WARM` of a request that is accepted. With a
zip the handler comes from there, and boto3 from a folder that has nothing else in it, as in Lambda; without,
from the sources. A stub in place of AWS answers the requests; the daemon is a UDP port that nobody reads.

What tracing costs a cold start is measured by itself, importing its modules and setting it up: it is small
against what a whole import varies by, and the modules are imported whether it is on or off.

Processor time decides: an import waits for nothing, and on a machine that is busy with other things the time
on the clock measures those. Both are printed.
"""

import argparse
import importlib.util
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIMIT = 1.5
TRACING_COLD = 0.060  # seconds
TRACING_WARM = 0.001  # seconds
RUNS = 11

# What the Lambda runtime for Python brings along.
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")

BASELINE = "import boto3; boto3.client('sns'); boto3.client('dynamodb')"
TRACING = (
    "from telemetry.segments import Segments; Segments.from_environment(os.environ, service='validator')"
)
HANDLER_IN_ZIP = "import lambda_function; handler = lambda_function.handler"
HANDLER_IN_SOURCES = "import validator.handler; handler = validator.handler.handler"

_TIMED = """
import os, time
{before}
clock, processor = time.perf_counter(), time.process_time()
{code}
print(time.perf_counter() - clock, time.process_time() - processor)
"""

_REQUESTS = """
{code}
import json, time
from botocore.client import BaseClient

row = {{}}
def call(client, operation, given):
    row.update(given.get("Item", {{}}))
    return {{"Attributes": row, "MessageId": "m"}}
BaseClient._make_api_call = call

content = {{"prompt": "A dog", "steps": 16, "width": 512, "height": 512}}
metadata = {{"runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "output"}}
def request(number):
    body = {{"task": {{"metadata": {{"id": str(number), **metadata}}, "content": content}}}}
    event = {{
        "resource": "/v1alpha2", "path": "/v1alpha2", "httpMethod": "POST",
        "headers": {{"Content-Type": "application/json"}}, "body": json.dumps(body),
        "requestContext": {{"stage": "prod"}},
    }}
    clock, processor = time.perf_counter(), time.process_time()
    assert handler(event, None)["statusCode"] == 200
    return time.perf_counter() - clock, time.process_time() - processor

for number in range(50):
    request(number)
times = [request(50 + number) for number in range(400)]
print(*(sorted(column)[len(column) // 2] for column in zip(*times)))
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
    "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
}


@dataclass(frozen=True, slots=True)
class Times:
    """Medians in seconds."""

    clock: float
    processor: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was measured in one go, all taking turns."""

    baseline: Times
    untraced: Times
    traced: Times
    set_up: Times
    untraced_request: Times
    traced_request: Times

    @property
    def ratio(self) -> float:
        return self.traced.processor / self.baseline.processor

    @property
    def tracing_cold(self) -> float:
        """Seconds."""
        return self.set_up.processor

    @property
    def tracing_warm(self) -> float:
        """Seconds."""
        return self.traced_request.processor - self.untraced_request.processor

    @property
    def is_good(self) -> bool:
        return self.ratio <= LIMIT and self.tracing_cold <= TRACING_COLD and self.tracing_warm <= TRACING_WARM

    def __str__(self) -> str:
        def row(name: str, times: Times) -> str:
            return f"{name:28} {times.processor * 1000:7.2f} ms processor {times.clock * 1000:7.2f} ms clock"

        def tracing(name: str, off: Times, on: Times, cost: float, limit: float) -> str:
            return (
                f"tracing costs {name} {cost * 1000:.2f} ms (at most {limit * 1000:.0f}), "
                f"ratio {on.processor / off.processor:.3f}"
            )

        clock = self.traced.clock / self.baseline.clock
        return "\n".join(
            (
                row("boto3 with two clients", self.baseline),
                row("validator, tracing off", self.untraced),
                row("validator, tracing on", self.traced),
                row("tracing, imported and set up", self.set_up),
                f"ratio {self.ratio:.2f} by the processor (at most {LIMIT}), {clock:.2f} by the clock",
                tracing("a cold start", self.untraced, self.traced, self.tracing_cold, TRACING_COLD),
                row("a request, tracing off", self.untraced_request),
                row("a request, tracing on", self.traced_request),
                tracing(
                    "a request",
                    self.untraced_request,
                    self.traced_request,
                    self.tracing_warm,
                    TRACING_WARM,
                ),
            )
        )


def compare(zip_file: Path | None, *, runs: int = RUNS) -> Comparison:
    """Measure the imports and the requests, each in `runs` fresh processes."""
    with (
        tempfile.TemporaryDirectory(prefix="validator-import-") as folder,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon,
    ):
        daemon.bind(("127.0.0.1", 0))
        if zip_file is None:
            handler, path = HANDLER_IN_SOURCES, os.pathsep.join(filter(None, sys.path))
        else:
            handler, path = HANDLER_IN_ZIP, _as_in_lambda(zip_file, Path(folder))
        off = {**_ENVIRONMENT, "PYTHONPATH": path, "PATH": os.environ["PATH"]}
        on = {**off, "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}"}
        off["_X_AMZN_TRACE_ID"] = on["_X_AMZN_TRACE_ID"].replace("Sampled=1", "Sampled=0")
        imported, requests = _TIMED.format(before="", code=handler), _REQUESTS.format(code=handler)
        cases = [
            (_TIMED.format(before="", code=BASELINE), off),
            (imported, off),
            (imported, on),
            (_TIMED.format(before="import botocore.session", code=TRACING), on),
            (requests, off),
            (requests, on),
        ]
        for code, env in cases:
            _run(code, env, Path(folder))  # so that all bytecode is there
        times: list[list[tuple[float, float]]] = [[] for _ in cases]
        for _ in range(runs):
            for measured, (code, env) in zip(times, cases, strict=True):
                measured.append(_run(code, env, Path(folder)))
    return Comparison(*map(_medians, times))


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
        [sys.executable, "-S", "-c", code],
        env=env,
        cwd=folder,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    clock, processor = map(float, done.stdout.splitlines()[-1].split())  # after the log
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
    return 0 if comparison.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
