"""The keys of `config.yaml` that the stacks read, named as the public guide names them.

Each field's description says what is allowed; `infra.loading` puts it into the error of a wrong value.
"""

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from task_schema import TASK_TYPES, Deployment, RuntimeSpec

# A runtime takes nine resources, and a CloudFormation stack holds 500.
MAX_RUNTIMES = 45

RUNTIME_NAME = r"^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$"  # it also names a Helm release, which takes 53
LABEL = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
BUCKET_ARN = r"^arn:aws(-cn|-us-gov)?:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
TOPIC_ARN = r"^arn:aws(-cn|-us-gov)?:sns:[a-z0-9-]{1,32}:[0-9]{12}:[A-Za-z0-9_-]{1,256}$"
EMAIL = r"^[^@\s]{1,64}@[^@\s]{1,255}$"
S3_PLACE = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s*?]+)?$"

TaskType = Annotated[str, StringConstraints(pattern=LABEL)]


class Section(BaseModel):
    """A mapping of the file: its keys are known, and one that is left empty counts as left out."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty_keys(cls, data: Any) -> Any:
        # The guide's template comments values out and leaves their key: `extraValues:` is None in YAML.
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None}


class Throttle(Section):
    """A token bucket of API Gateway: steady requests per second, and how many may come at once."""

    rate_limit: Annotated[
        float,
        Field(alias="rateLimit", gt=0, le=10_000, description="requests per second, above 0, at most 10000"),
    ]
    burst_limit: Annotated[
        int, Field(alias="burstLimit", ge=1, le=10_000, description="a whole number from 1 to 10000")
    ]


SUBMITTING = Throttle.model_validate({"rateLimit": 30, "burstLimit": 50})
POLLING = Throttle.model_validate({"rateLimit": 100, "burstLimit": 200})


class ApiGateway(Section):
    """The section `APIGW`."""

    stage_name: Annotated[
        str,
        Field(
            alias="stageName",
            pattern=r"^[A-Za-z0-9_-]{1,128}$",
            description="1 to 128 letters, digits, hyphens and underscores",
        ),
    ] = "prod"
    throttle: Annotated[Throttle, Field(description="a mapping with rateLimit and burstLimit")] = SUBMITTING
    status_throttle: Annotated[
        Throttle, Field(alias="statusThrottle", description="a mapping with rateLimit and burstLimit")
    ] = POLLING


class Runtime(Section):
    """One entry of `modelsRuntime`."""

    name: Annotated[
        str,
        Field(
            pattern=RUNTIME_NAME,
            description="1 to 53 lower-case letters, digits and hyphens, with a letter or digit at both ends",
        ),
    ]
    namespace: Annotated[
        str,
        Field(pattern=LABEL, description="a Kubernetes namespace: lower-case letters, digits and hyphens"),
    ]
    type: Annotated[
        str, Field(pattern=LABEL, description="sdwebui, comfyui, or a type listed under runtimeTypes")
    ]
    model_filename: Annotated[
        str | None,
        Field(
            alias="modelFilename",
            pattern=r"^[^\x00-\x1f\x7f\\]{1,255}$",
            description="the file name of a model, such as v1-5-pruned-emaonly.safetensors",
        ),
    ] = None
    dynamic_model: Annotated[bool, Field(alias="dynamicModel", description="true or false")] = False
    chart_repository: Annotated[
        str,
        Field(
            alias="chartRepository",
            pattern=r"^((oci|https?)://\S+)?$",
            description="an address that starts with oci://, https:// or http://, or nothing for our own",
        ),
    ] = ""
    chart_version: Annotated[
        str, Field(alias="chartVersion", description='text; put a version in quotes: "1.0"')
    ] = ""
    extra_values: Annotated[
        dict[str, Any],
        Field(alias="extraValues", description="a mapping, handed to the Helm chart of the runtime as it is"),
    ] = {}


class RuntimeType(Section):
    """One entry of `runtimeTypes`: a type that an extension of the queue agent serves."""

    name: Annotated[str, Field(pattern=LABEL, description="lower-case letters, digits and hyphens")]
    task_types: Annotated[
        list[TaskType],
        Field(
            alias="taskTypes",
            min_length=1,
            description="a list of at least one name of lower-case letters, digits and hyphens",
        ),
    ]


class Inputs(Section):
    """The section `inputs`: where else than the web the inputs of a task may come from."""

    s3: Annotated[
        list[Annotated[str, StringConstraints(pattern=S3_PLACE)]],
        Field(description="a list of <bucket> or <bucket>/<prefix>"),
    ] = []


# What CloudWatch takes, apart from "never".
RetentionDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653]


class Tracing(Section):
    """The section `observability.tracing`."""

    sampling: Annotated[
        float, Field(ge=0, le=1, description="the share of requests that are traced, from 0 to 1")
    ] = 1.0
    resource_policy: Annotated[bool, Field(alias="resourcePolicy", description="true or false")] = True
    transaction_search: Annotated[bool, Field(alias="transactionSearch", description="true or false")] = False


class Alarms(Section):
    """The section `observability.alarms`: who is told, and from when on."""

    email: Annotated[str | None, Field(pattern=EMAIL, description="an e-mail address")] = None
    topic_arn: Annotated[
        str | None,
        Field(
            alias="topicArn",
            pattern=TOPIC_ARN,
            description="the ARN of a topic: arn:aws:sns:<region>:<account>:<name>",
        ),
    ] = None
    oldest_message_minutes: Annotated[
        int,
        Field(
            alias="oldestMessageMinutes", ge=1, le=20_160, description="a whole number of minutes, 1 to 20160"
        ),
    ] = 30
    nobody_works_minutes: Annotated[
        int,
        Field(alias="nobodyWorksMinutes", ge=3, le=720, description="a whole number of minutes, 3 to 720"),
    ] = 20
    gpu_busy_percent: Annotated[
        int, Field(alias="gpuBusyPercent", ge=0, le=100, description="a whole number from 0 to 100")
    ] = 50
    failure_percent: Annotated[
        int, Field(alias="failurePercent", ge=1, le=100, description="a whole number from 1 to 100")
    ] = 10
    latency_seconds: Annotated[
        float, Field(alias="latencySeconds", gt=0, le=29, description="seconds, above 0, at most 29")
    ] = 3.0


class Observability(Section):
    """The section `observability`."""

    log_retention_days: Annotated[
        RetentionDays,
        Field(
            alias="logRetentionDays",
            description="a number of days that CloudWatch knows: "
            + ", ".join(str(days) for days in get_args(RetentionDays)),
        ),
    ] = 30
    tracing: Annotated[
        Tracing, Field(description="a mapping with sampling, resourcePolicy and transactionSearch")
    ] = Tracing()
    alarms: Annotated[
        Alarms, Field(description="a mapping with email or topicArn, and the limits of the alarms")
    ] = Alarms()


class Config(Section):
    """A deployment, as its `config.yaml` describes it."""

    stack_name: Annotated[
        str,
        Field(
            alias="stackName",
            pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$",
            description="letters, digits and hyphens, starting with a letter, at most 64",
        ),
    ] = "sdoneks"
    model_bucket_arn: Annotated[
        str,
        Field(
            alias="modelBucketArn",
            pattern=BUCKET_ARN,
            description="the ARN of the bucket that holds your models: arn:aws:s3:::<bucket name>"
            " (arn:aws-cn:s3:::<bucket name> in China)",
        ),
    ]
    apigw: Annotated[
        ApiGateway, Field(alias="APIGW", description="a mapping with stageName, throttle and statusThrottle")
    ] = ApiGateway()
    models_runtime: Annotated[
        list[Runtime],
        Field(
            alias="modelsRuntime",
            min_length=1,
            max_length=MAX_RUNTIMES,
            description=f"a list of 1 to {MAX_RUNTIMES} runtimes",
        ),
    ]
    runtime_types: Annotated[
        list[RuntimeType],
        Field(alias="runtimeTypes", description="a list of types, each with name and taskTypes"),
    ] = []
    inputs: Annotated[Inputs, Field(description="a mapping with s3")] = Inputs()
    observability: Annotated[
        Observability, Field(description="a mapping with logRetentionDays, tracing and alarms")
    ] = Observability()

    @property
    def deployment(self) -> Deployment:
        """The runtimes as the validator and the agents know them."""
        custom = {own.name: tuple(own.task_types) for own in self.runtime_types}
        return Deployment(
            runtimes=tuple(
                RuntimeSpec(
                    name=runtime.name,
                    type=runtime.type,
                    model_filename=runtime.model_filename,
                    dynamic_model=runtime.dynamic_model,
                    task_types=custom.get(runtime.type),
                )
                for runtime in self.models_runtime
            )
        )

    @property
    def types(self) -> tuple[str, ...]:
        """The runtime types that this deployment knows: those built in, then its own."""
        return (*TASK_TYPES, *(own.name for own in self.runtime_types))
