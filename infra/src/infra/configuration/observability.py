"""The section `observability`."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator

from infra.configuration.section import Section

TOPIC_ARN = r"^arn:aws(-cn|-us-gov)?:sns:[a-z0-9-]{1,32}:[0-9]{12}:[A-Za-z0-9_-]{1,256}$"
EMAIL = r"^[^@\s]{1,64}@[^@\s]{1,255}$"

# What CloudWatch takes, apart from "never".
RetentionDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653]


class Tracing(Section):
    """The section `observability.tracing`."""

    sampling: Annotated[
        float,
        Field(
            title="how many of the requests are traced",
            ge=0,
            le=1,
            description="a share, from 0 to 1",
        ),
    ] = 1.0
    resource_policy: Annotated[
        bool,
        Field(
            title=(
                "whether SNS gets leave to write its segments; an account has room for five such "
                "policies in a region, so false where one covers all topics"
            ),
            alias="resourcePolicy",
            description="true or false",
        ),
    ] = True
    transaction_search: Annotated[
        bool,
        Field(
            title="turns on Transaction Search, for the whole account",
            alias="transactionSearch",
            description="true or false",
        ),
    ] = False


class Alarms(Section):
    """The section `observability.alarms`: who is told, and from when on."""

    email: Annotated[
        str | None,
        Field(
            title="who is told: a topic is made, and SNS sends a mail to confirm",
            pattern=EMAIL,
            description="an e-mail address",
        ),
    ] = None
    topic_arn: Annotated[
        str | None,
        Field(
            title="who is told: a topic of yours, in the same region; instead of email",
            alias="topicArn",
            pattern=TOPIC_ARN,
            description="the ARN of a topic: arn:aws:sns:<region>:<account>:<name>",
        ),
    ] = None
    oldest_message_minutes: Annotated[
        int,
        Field(
            title="how long a task may wait in its queue",
            alias="oldestMessageMinutes",
            ge=1,
            le=20_160,
            description="a whole number of minutes, 1 to 20160",
        ),
    ] = 30
    nobody_works_minutes: Annotated[
        int,
        Field(
            title="how long a queue may have tasks without any being taken",
            alias="nobodyWorksMinutes",
            ge=3,
            le=720,
            description="a whole number of minutes, 3 to 720",
        ),
    ] = 20
    gpu_busy_percent: Annotated[
        int,
        Field(
            title="how much of the time a GPU should work while tasks wait",
            alias="gpuBusyPercent",
            ge=0,
            le=100,
            description="a whole number from 0 to 100",
        ),
    ] = 50
    failure_percent: Annotated[
        int,
        Field(
            title="how many of the tasks may fail for other reasons than their own",
            alias="failurePercent",
            ge=1,
            le=100,
            description="a whole number from 1 to 100",
        ),
    ] = 10
    latency_seconds: Annotated[
        float,
        Field(
            title="how long the API may take for 99 of 100 requests",
            alias="latencySeconds",
            gt=0,
            le=29,
            description="seconds, above 0, at most 29",
        ),
    ] = 3.0


class Observability(Section):
    """The section `observability`."""

    log_retention_days: Annotated[
        RetentionDays,
        Field(
            title="how long logs are kept",
            alias="logRetentionDays",
            description="a number of days that CloudWatch knows: "
            + ", ".join(str(days) for days in get_args(RetentionDays)),
        ),
    ] = 30
    tracing: Annotated[
        Tracing,
        Field(title="traces", description="a mapping with sampling, resourcePolicy and transactionSearch"),
    ] = Tracing()
    alarms: Annotated[
        Alarms,
        Field(
            title="alarms: whom to tell, and from when on",
            description="a mapping with email or topicArn, and the limits of the alarms",
        ),
    ] = Alarms()

    @field_validator("log_retention_days", mode="before")
    @classmethod
    def _no_true_for_one(cls, value: Any) -> Any:
        # Literals are compared, strict or not, and to Python True is 1.
        if type(value) is not int:
            raise ValueError("not a whole number")
        return value
