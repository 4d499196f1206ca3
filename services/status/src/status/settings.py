"""What the function is told by its environment; nothing else reads it."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Json, ValidationError

from status.errors import SettingsError

Name = Annotated[str, Field(min_length=1)]


class Settings(BaseModel):
    """Resources that the infrastructure made.

    `runtimes`: the name of each runtime's queue; None where the environment had no room for it, and then no
    position is estimated.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    tasks_table: Annotated[Name, Field(alias="TASKS_TABLE")]
    notifications_topic_arn: Annotated[Name, Field(alias="NOTIFICATIONS_TOPIC_ARN")]
    payload_bucket: Annotated[Name, Field(alias="PAYLOAD_BUCKET")]
    output_bucket: Annotated[Name, Field(alias="OUTPUT_BUCKET")]
    runtimes: Annotated[Json[dict[Name, Name | None]], Field(alias="RUNTIMES")]


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
        raise SettingsError(f"the environment of the status function is wrong: {told}") from None
