"""What a console is told at its start: where the system is, the key to it, and what else can be looked at."""

import json
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from console.errors import SettingsError
from darkroom_client import BadArgumentError, Connection

INPUT_MAX = 32 * 1024 * 1024  # bytes; the API's own default (DESIGN 4.1)


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class RuntimeSource(_Settings):
    """A runtime. URLs are given where there is something to be asked.

    Attributes:
        name: as tasks name it.
        type: `sdwebui`, `comfyui`, or a custom one.
        tasktypes: that it takes.
        models: names of checkpoints, as far as somebody can tell.
        queue_url: of its SQS queue.
        metrics_url: `/metrics` of its agent.
    """

    name: str
    type: str
    tasktypes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    queue_url: str | None = None
    metrics_url: str | None = None


class AwsSource(_Settings):
    """How AWS is reached; credentials are those of the environment."""

    region: str
    endpoint_url: str | None = None


class Sources(_Settings):
    """All that a console looks at.

    Attributes:
        mode: `local`: the system on this machine; `api`: endpoint and key alone; `stack`: with the
            user's own AWS credentials.
        endpoint: of the API (the stack's output `FrontApiEndpoint`).
        api_key: stays in this process.
        runtimes: that tasks may name.
        unrouted_queue_url: of the queue of what names no runtime.
        aws: for queues, the tasks table and the buckets.
        tasks_table: its name, where notifications can be read from.
        payload_bucket: its name; large notifications are there.
        traces_url: of the local trace store.
        input_max: largest input in bytes.
    """

    mode: Literal["local", "api", "stack"]
    endpoint: str
    api_key: SecretStr
    runtimes: tuple[RuntimeSource, ...] = ()
    unrouted_queue_url: str | None = None
    aws: AwsSource | None = None
    tasks_table: str | None = None
    payload_bucket: str | None = None
    traces_url: str | None = None
    input_max: int = Field(default=INPUT_MAX, gt=0)

    def connection(self) -> Connection:
        """Return endpoint and key as the client takes them.

        Raises:
            SettingsError: they cannot be ones.
        """
        try:
            return Connection(self.endpoint, self.api_key.get_secret_value())
        except BadArgumentError as exc:
            raise SettingsError(f"endpoint or api_key: {exc}") from None

    def runtime(self, name: str) -> RuntimeSource | None:
        """Return the runtime of that name."""
        return next((runtime for runtime in self.runtimes if runtime.name == name), None)

    def to_json(self) -> str:
        """Return the text of a file that `read` takes: the key is in it."""
        told = self.model_dump(mode="json", exclude_none=True)
        return json.dumps({**told, "api_key": self.api_key.get_secret_value()}, indent=1) + "\n"

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a file of sources.

        Raises:
            SettingsError: it cannot be read, or its content is wrong; names file and field, never a value.
        """
        try:
            text = file.read_bytes()
        except OSError as exc:
            raise SettingsError(f"{file} cannot be read: {exc.strerror}") from None
        try:
            return cls.model_validate_json(text)
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise SettingsError(f"{file}: {where}: {first['msg']}") from None
