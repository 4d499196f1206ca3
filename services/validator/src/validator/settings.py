"""What the function is told by its environment; nothing else reads it."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Json, ValidationError

from s3io.limits import MAX_BYTES
from task_schema import Deployment, RuntimeSpec
from validator.errors import SettingsError

Name = Annotated[str, Field(min_length=1)]


class Settings(BaseModel):
    """Resources that the infrastructure made, and the runtimes that a request may name.

    `insecure_callbacks` allows http callbacks to loopback: a setting of the local system only. `fair_queues`:
    messages say which API key they came with. `input_max`: bytes of an upload, those that the agents take.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    tasks_table: Annotated[Name, Field(alias="TASKS_TABLE")]
    requests_topic_arn: Annotated[Name, Field(alias="REQUESTS_TOPIC_ARN")]
    payload_bucket: Annotated[Name, Field(alias="PAYLOAD_BUCKET")]
    output_bucket: Annotated[Name, Field(alias="OUTPUT_BUCKET")]
    runtimes: Annotated[Json[tuple[RuntimeSpec, ...]], Field(alias="RUNTIMES")]
    insecure_callbacks: Annotated[bool, Field(alias="INSECURE_CALLBACKS")] = False
    fair_queues: Annotated[bool, Field(alias="FAIR_QUEUES")] = True
    input_max: Annotated[int, Field(alias="INPUT_MAX", gt=0)] = MAX_BYTES

    @property
    def deployment(self) -> Deployment:
        """The runtimes, as the parsers take them."""
        return Deployment(runtimes=self.runtimes)


def read_settings(env: Mapping[str, str]) -> Settings:
    """Read the environment.

    Raises:
        SettingsError: naming each variable that is missing or wrong; their values are not told.
    """
    try:
        return Settings.model_validate(dict(env))
    except ValidationError as exc:
        faults = exc.errors(include_url=False, include_context=False, include_input=False)
        told = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
        raise SettingsError(f"the environment of the validator is wrong: {told}") from None
