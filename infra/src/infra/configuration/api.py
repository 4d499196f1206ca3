"""The section `APIGW`."""

from typing import Annotated

from pydantic import Field

from infra.configuration.section import Section


class Throttle(Section):
    """A token bucket of API Gateway: steady requests per second, and how many may come at once."""

    rate_limit: Annotated[
        float,
        Field(
            title="how many requests go through steadily",
            alias="rateLimit",
            gt=0,
            le=10_000,
            description="requests per second, above 0, at most 10000",
        ),
    ]
    burst_limit: Annotated[
        int,
        Field(
            title="how many may come at once",
            alias="burstLimit",
            ge=1,
            le=10_000,
            description="a whole number from 1 to 10000",
        ),
    ]


SUBMITTING = Throttle.model_validate({"rateLimit": 30, "burstLimit": 50})
POLLING = Throttle.model_validate({"rateLimit": 100, "burstLimit": 200})


class ApiGateway(Section):
    """The section `APIGW`."""

    stage_name: Annotated[
        str,
        Field(
            title="the first part of the API's path",
            alias="stageName",
            pattern=r"^[A-Za-z0-9_-]{1,128}$",
            description="1 to 128 letters, digits, hyphens and underscores",
        ),
    ] = "prod"
    throttle: Annotated[
        Throttle,
        Field(
            title="what each API key may submit, by each of the three POST methods: tasks of both versions,"
            " and uploads",
            description="a mapping with rateLimit and burstLimit",
        ),
    ] = SUBMITTING
    status_throttle: Annotated[
        Throttle,
        Field(
            title="what each API key may ask for and cancel",
            alias="statusThrottle",
            description="a mapping with rateLimit and burstLimit",
        ),
    ] = POLLING
    fair_queues: Annotated[
        bool,
        Field(
            title="whether the tasks of an API key with many wait behind those of one with few (SQS's fair"
            " queues)",
            alias="fairQueues",
            description="true or false",
        ),
    ] = True
