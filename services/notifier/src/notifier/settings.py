"""What the functions are told by their environment; nothing else reads it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, Json, ValidationError

from notifier.errors import SettingsError

Name = Annotated[str, Field(min_length=1)]
Seconds = Annotated[int, Field(ge=0)]


class Kind(StrEnum):
    """Why the messages of a function's queues were not delivered to an agent, or not finished by one."""

    DEAD = "dead"
    UNDELIVERED = "undelivered"
    UNROUTED = "unrouted"


class Environment(BaseModel):
    """Reads what a function is told; all else in the environment is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def read(cls, env: Mapping[str, str]) -> Self:
        """Read the environment.

        Raises:
            SettingsError: naming each variable that is missing or wrong; their values are not told.
        """
        try:
            return cls.model_validate(dict(env))
        except ValidationError as exc:
            faults = exc.errors(include_url=False, include_context=False, include_input=False)
            told = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
            raise SettingsError(f"the environment of the notifier is wrong: {told}") from None


class Settings(Environment):
    """Resources that the infrastructure made."""

    tasks_table: Annotated[Name, Field(alias="TASKS_TABLE")]
    notifications_topic_arn: Annotated[Name, Field(alias="NOTIFICATIONS_TOPIC_ARN")]
    payload_bucket: Annotated[Name, Field(alias="PAYLOAD_BUCKET")]
    output_bucket: Annotated[Name, Field(alias="OUTPUT_BUCKET")]


class LetterSettings(Settings):
    """Of a function that reads letters: what kind they are, and the names of the runtimes that there are."""

    letters: Annotated[Kind, Field(alias="LETTERS")]
    runtimes: Annotated[Json[tuple[Name, ...]], Field(alias="RUNTIMES")] = ()


class SweeperSettings(Settings):
    """Of the sweeper: how long it leaves things to others.

    `quiet_seconds`: for so long after its record or its end, a task is left alone.
    `not_published_after_seconds`: after that a task that was not published never will be.
    `retention_seconds`: for so long a queue keeps a message.
    """

    quiet_seconds: Annotated[Seconds, Field(alias="QUIET_SECONDS")] = 5 * 60
    not_published_after_seconds: Annotated[Seconds, Field(alias="NOT_PUBLISHED_AFTER_SECONDS")] = 15 * 60
    retention_seconds: Annotated[Seconds, Field(alias="RETENTION_SECONDS")] = 14 * 24 * 3600
