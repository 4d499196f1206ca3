"""Settings of the agent: one frozen model, read once from the environment at start."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from queue_agent.errors import SettingsError
from s3io.limits import MAX_BYTES
from task_schema import TASK_TYPES, RuntimeSpec


def _json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as exc:
        raise ValueError(f"must be JSON: {exc}") from exc


def _capitals(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


Seconds = Annotated[float, Field(gt=0)]


class WarmUpTask(BaseModel):
    """A task that the runtime has to manage before it gets a user's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasktype: Annotated[str, Field(min_length=1)]
    content: dict[str, Any]


class Settings(BaseModel):
    """All knobs of the agent; each is read from the environment variable of its name in capitals."""

    model_config = ConfigDict(frozen=True)

    runtime_name: Annotated[str, Field(min_length=1)]
    runtime_type: Annotated[str, Field(min_length=1)]
    runtime_url: Annotated[str, Field(pattern=r"^https?://")]
    queue_url: Annotated[str, Field(min_length=1)]
    tasks_table: Annotated[str, Field(min_length=1)]
    notifications_topic_arn: Annotated[str, Field(min_length=1)]
    output_bucket: Annotated[str, Field(min_length=1)]
    payload_bucket: Annotated[str, Field(min_length=1)]

    model_filename: str | None = None
    dynamic_model: bool = False
    #: Hosts and networks that links may name though they are not public, such as `10.0.0.0/8`.
    allowed_input_hosts: Annotated[tuple[str, ...], BeforeValidator(_json)] = ()
    #: `bucket` or `bucket/prefix` that `s3://` links may name.
    allowed_input_s3: Annotated[tuple[str, ...], BeforeValidator(_json)] = ()

    #: Bytes of one input, an upload among them; the validator's setting of this name should be the same.
    input_max: Annotated[int, Field(gt=0)] = MAX_BYTES

    #: How long a message stays hidden after each beat; also the length of a lease.
    visibility_seconds: Annotated[int, Field(ge=3, le=43200)] = 60
    beat_seconds: Seconds = 20
    #: Of a long poll. What a poll brings after the agent has gone is hidden for nothing until its visibility
    #: ends, and no poll can be taken back; so it is as short as an idle agent may take to end.
    receive_wait_seconds: Annotated[int, Field(ge=1, le=20)] = 1
    #: Longest that one inference may take.
    inference_limit_seconds: Seconds = 900
    #: How long a running task may go on after SIGTERM before it is interrupted and given back.
    shutdown_grace_seconds: Annotated[float, Field(ge=0)] = 25
    #: Longest that one inference of a task type may take, where it is not the one above.
    inference_limits: Annotated[dict[str, Seconds], BeforeValidator(_json)] = Field(default_factory=dict)
    max_attempts: Annotated[int, Field(ge=1)] = 3

    #: Messages that may be in hand besides those whose tasks run; they are received just in time.
    prefetch: Annotated[int, Field(ge=1, le=10)] = 1
    #: Results that may wait to be stored before the GPU has to wait.
    deliveries: Annotated[int, Field(ge=1, le=16)] = 4
    #: Run before anybody's task, and after each restart of the runtime.
    warm_up: Annotated[WarmUpTask | None, BeforeValidator(_json)] = None

    #: Written when the runtime has to be restarted; a liveness probe of its container looks at it.
    restart_file: Path | None = None
    #: A folder that outlives the agent, but not the pod.
    state_dir: Path | None = None
    #: Of `/livez`, `/readyz` and `/metrics`; 0: they are not served.
    health_port: Annotated[int, Field(ge=0, le=65535)] = 0
    #: More nodes of ComfyUI whose file inputs may be links: class -> names of inputs.
    loader_inputs: Annotated[dict[str, tuple[str, ...]], BeforeValidator(_json)] = Field(default_factory=dict)
    #: Put prompts into spans; without it nothing of what users write leaves for wherever traces are kept.
    trace_prompts: bool = False
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_capitals)
    ] = "INFO"

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            SettingsError: naming every variable that is missing or wrong.
        """
        values = {name: env[name.upper()] for name in cls.model_fields if env.get(name.upper(), "") != ""}
        try:
            settings = cls.model_validate(values)
        except ValidationError as exc:
            faults = [f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in exc.errors()]
            raise SettingsError("wrong settings:\n  " + "\n  ".join(faults)) from exc
        if settings.beat_seconds * 2 > settings.visibility_seconds:
            raise SettingsError(
                f"wrong settings:\n  BEAT_SECONDS: {settings.beat_seconds:g} is more than half of "
                f"VISIBILITY_SECONDS ({settings.visibility_seconds}): one late beat would lose the task"
            )
        return settings

    def check_task_types(self, served: frozenset[str]) -> None:
        """Check what is set for task types against those that the runtime serves.

        Raises:
            SettingsError: naming the variable, the type and what there is.
        """
        named = {"INFERENCE_LIMITS": set(self.inference_limits)}
        if self.warm_up is not None:
            named["WARM_UP"] = {self.warm_up.tasktype}
        for variable, types in named.items():
            if unknown := sorted(types - served):
                raise SettingsError(
                    f"wrong settings:\n  {variable}: {self.runtime_name} does not serve "
                    f"{', '.join(unknown)}; it serves {', '.join(sorted(served))}"
                )

    def runtime_spec(self, task_types: frozenset[str]) -> RuntimeSpec:
        """Return the runtime as requests are checked against it."""
        return RuntimeSpec(
            name=self.runtime_name,
            type=self.runtime_type,
            model_filename=self.model_filename,
            dynamic_model=self.dynamic_model,
            task_types=None if self.runtime_type in TASK_TYPES else tuple(sorted(task_types)),
        )
