"""How the system's own programs are started: trace store, sketch runtimes and queue agents."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from local.artifacts import Artifacts
from local.children import ChildSpec
from local.deployment import models_of
from local.environment import clean_python, this_python
from local.home import Home
from local.ministack import client_environment
from local.settings import Settings, Timing
from local.sketch.traced import traced
from local.sockets import LOOPBACK
from local.stack import StackOutputs
from task_schema import RuntimeSpec

# Whoever looks at a trace looks right after its task; the SDK's own five seconds are for fleets.
SPANS_EVERY_MS = "1000"


@dataclass(frozen=True)
class Programs:
    """Makes the specifications of children.

    `otlp_endpoint` is the base URL to which they send their spans by OTLP over HTTP; None: they send none.
    """

    home: Home
    artifacts: Artifacts
    environ: Mapping[str, str]
    settings: Settings
    timing: Timing
    otlp_endpoint: str | None = None

    def sketch(self, runtime: RuntimeSpec, port: int) -> ChildSpec:
        """Return how the sketch of a runtime is started."""
        name = f"sketch-{runtime.name}"
        return ChildSpec(
            name=name,
            command=(
                *self.artifacts.sketch,
                runtime.type,
                *("--host", LOOPBACK, "--port", str(port)),
                *("--seconds-per-image", f"{self.settings.seconds_per_image:g}"),
                *("--models", ",".join(models_of(runtime))),
            ),
            env=traced(
                this_python(self.environ), service=f"sketch-{runtime.type}", endpoint=self.otlp_endpoint
            ),
            cwd=self.home.run,
            log=self.home.log(name),
        )

    def traces(self, port: int, udp_port: int) -> ChildSpec:
        """Return how the trace store is started, on ports of loopback."""
        return ChildSpec(
            name="traces",
            command=(
                *(sys.executable, "-m", "local.traces"),
                *("--port", str(port), "--udp-port", str(udp_port)),
                *("--file", str(self.home.traces_file), "--limit", str(self.settings.trace_limit)),
            ),
            env=this_python(self.environ),
            cwd=self.home.run,
            log=self.home.log("traces"),
        )

    def console(self, port: int) -> ChildSpec:
        """Return how the console is started: all that is secret is in files."""
        return ChildSpec(
            name="console",
            command=(
                *self.artifacts.console,
                *("--sources", str(self.home.console_file), "--token-file", str(self.home.console_token)),
                *("--port", str(port)),
            ),
            env=this_python(self.environ),
            cwd=self.home.run,
            log=self.home.log("console"),
        )

    def agent(
        self, runtime: RuntimeSpec, url: str, stack: StackOutputs, emulator: str, health_port: int
    ) -> ChildSpec:
        """Return how the queue agent of a runtime is started; makes the folder that it shares with that."""
        name = f"agent-{runtime.name}"
        self.home.agent_state(runtime.name).mkdir(parents=True, exist_ok=True)
        env = (
            clean_python(self.environ)
            | client_environment(emulator)
            | {
                "RUNTIME_NAME": runtime.name,
                "RUNTIME_TYPE": runtime.type,
                "RUNTIME_URL": url,
                "QUEUE_URL": stack.queues[runtime.name],
                "TASKS_TABLE": stack.tasks_table,
                "NOTIFICATIONS_TOPIC_ARN": stack.notifications_topic,
                "OUTPUT_BUCKET": stack.output_bucket,
                "PAYLOAD_BUCKET": stack.payload_bucket,
                "DYNAMIC_MODEL": "true" if runtime.dynamic_model else "false",
                "ALLOWED_INPUT_HOSTS": json.dumps(list(self.settings.input_hosts)),
                "ALLOWED_INPUT_S3": json.dumps(list(self.settings.input_s3)),
                "RESTART_FILE": str(self.home.restart_file(runtime.name)),
                "STATE_DIR": str(self.home.agent_state(runtime.name)),
                "HEALTH_PORT": str(health_port),
                "LOG_LEVEL": self.settings.log_level,
            }
            | self.timing.environment()
        )
        if self.otlp_endpoint is not None:
            env["OTEL_EXPORTER_OTLP_ENDPOINT"] = self.otlp_endpoint
            env.setdefault("OTEL_BSP_SCHEDULE_DELAY", SPANS_EVERY_MS)
        if runtime.model_filename is not None:
            env["MODEL_FILENAME"] = runtime.model_filename
        return ChildSpec(
            name=name, command=self.artifacts.agent, env=env, cwd=self.home.run, log=self.home.log(name)
        )
