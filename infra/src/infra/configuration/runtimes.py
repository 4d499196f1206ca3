"""The sections `modelsRuntime`, `runtimeTypes`, `inputs` and `webhooks`."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from infra.configuration.section import Section

RUNTIME_NAME = r"^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$"  # it also names a Helm release, which takes 53
LABEL = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
S3_PLACE = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s*?]+)?$"
HOST = r"^[A-Za-z0-9]([A-Za-z0-9.:/-]{0,251}[A-Za-z0-9])?$"

TaskType = Annotated[str, StringConstraints(pattern=LABEL)]
Place = Annotated[str, StringConstraints(pattern=S3_PLACE)]
Host = Annotated[str, StringConstraints(pattern=HOST)]
Gap = Annotated[int, Field(ge=1, le=24 * 3600)]  # seconds

# Nine tries within about a day.
RETRY_DELAYS = (15, 60, 5 * 60, 15 * 60, 3600, 3 * 3600, 6 * 3600, 12 * 3600)


class Runtime(Section):
    """One entry of `modelsRuntime`."""

    name: Annotated[
        str,
        Field(
            title=(
                "what requests call it; its Helm release has that name too, and no other runtime may have it"
            ),
            pattern=RUNTIME_NAME,
            description="1 to 53 lower-case letters, digits and hyphens, with a letter or digit at both ends",
        ),
    ]
    namespace: Annotated[
        str,
        Field(
            title="where its pods are; best one of its own for each runtime",
            pattern=LABEL,
            description="a Kubernetes namespace: lower-case letters, digits and hyphens",
        ),
    ]
    type: Annotated[
        str,
        Field(
            title="which server it is, and so which task types it serves",
            pattern=LABEL,
            description="sdwebui, comfyui, or a type listed under runtimeTypes",
        ),
    ]
    model_filename: Annotated[
        str | None,
        Field(
            title=(
                "(SD Web UI) the model that is loaded at the start; required unless dynamicModel "
                "is true; requests of v1alpha1 find the runtime by it, so that no two may share "
                "one"
            ),
            alias="modelFilename",
            pattern=r"^[^\x00-\x1f\x7f\\]{1,255}$",
            description="the file name of a model, such as v1-5-pruned-emaonly.safetensors",
        ),
    ] = None
    dynamic_model: Annotated[
        bool,
        Field(
            title="(SD Web UI) whether requests may name another model",
            alias="dynamicModel",
            description="true or false",
        ),
    ] = False
    chart_repository: Annotated[
        str,
        Field(
            title=(
                "where its Helm chart is: oci:// with the chart's name, or a chart repository "
                "that has sd-on-eks"
            ),
            alias="chartRepository",
            pattern=r"^((oci|https?)://\S+)?$",
            description="an address that starts with oci://, https:// or http://, or nothing for our own",
        ),
    ] = ""
    chart_version: Annotated[
        str,
        Field(
            title="the version of that chart; required with oci://",
            alias="chartVersion",
            description='text; put a version in quotes: "1.0"',
        ),
    ] = ""
    extra_values: dict[str, Any] = Field(
        title="values for the chart; charts/sd-on-eks/README.md lists them",
        default_factory=dict,
        alias="extraValues",
        description="a mapping, handed to the Helm chart of the runtime as it is",
    )


class RuntimeType(Section):
    """One entry of `runtimeTypes`: a type that an extension of the queue agent serves."""

    name: Annotated[
        str,
        Field(
            title="the name that modelsRuntime[].type gives",
            pattern=LABEL,
            description="lower-case letters, digits and hyphens",
        ),
    ]
    task_types: Annotated[
        list[TaskType],
        Field(
            title="the task types that requests may name",
            alias="taskTypes",
            min_length=1,
            description="a list of at least one name of lower-case letters, digits and hyphens",
        ),
    ]


class Inputs(Section):
    """The section `inputs`: where else than the web the inputs of a task may come from."""

    s3: list[Place] = Field(
        title=("which objects s3:// links may name; the agents' roles may read them; never the model bucket"),
        default_factory=list,
        description="a list of <bucket> or <bucket>/<prefix>",
    )
    hosts: list[Host] = Field(
        title="which hosts links may name although their addresses are private; the chart's "
        "networkPolicy.extraEgress has to let them through as well",
        default_factory=list,
        description="a list of host names, addresses and networks,"
        " such as images.example.internal or 10.1.0.0/16",
    )


class Webhooks(Section):
    """The section `webhooks`: where callbacks may go, what they are signed with, and when they go again."""

    secret: Annotated[
        str | None,
        Field(
            title="the secret in Secrets Manager that webhooks are signed with, one of the same account and"
            " region; without it one is made",
            pattern=r"^[A-Za-z0-9/_+=.@-]{1,512}$",
            description="the name, not the ARN, of a secret whose text is one `whsec_<base64>`, or a JSON"
            " list of them",
        ),
    ] = None

    hosts: list[Host] = Field(
        title="which hosts callbacks may go to although their addresses are private",
        default_factory=list,
        description="a list of host names, addresses and networks,"
        " such as hooks.example.internal or 10.1.0.0/16",
    )

    retry_delays: list[Gap] = Field(
        title="the gaps between the tries of a webhook that fails, each up to a tenth longer; after the last"
        " one it is a dead letter",
        alias="retryDelays",
        default_factory=lambda: list(RETRY_DELAYS),
        max_length=20,
        description="a list of at most 20 whole numbers of seconds, each from 1 to 86400 (a day); an empty"
        " one means a single try",
    )
