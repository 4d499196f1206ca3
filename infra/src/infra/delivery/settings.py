"""The keys of `delivery.yaml`: a pipeline, and the deployments that it brings up to date in turn."""

from typing import Annotated

from pydantic import Field

from infra.configuration.section import Section

ACCOUNT = r"^[0-9]{12}$"
REGION = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$"
CONNECTION = (
    r"^arn:aws(-cn|-us-gov)?:(codeconnections|codestar-connections)"
    r":[a-z0-9-]+:[0-9]{12}:connection/[0-9a-f-]{36}$"
)
REPOSITORY = r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$"
BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
FILE = r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$"


class Source(Section):
    """The section `source`: where the repository is."""

    repository: Annotated[
        str,
        Field(
            title="the repository",
            pattern=REPOSITORY,
            description="owner/name, as the connection's host says it",
        ),
    ]
    branch: Annotated[
        str,
        Field(
            title="the branch whose every commit is delivered",
            pattern=r"^[A-Za-z0-9._/-]{1,255}$",
            description="the name of a branch",
        ),
    ] = "main"
    connection_arn: Annotated[
        str,
        Field(
            title="the connection to the repository's host",
            alias="connectionArn",
            pattern=CONNECTION,
            description="the ARN of a connection of CodeConnections (completed in the console)",
        ),
    ]


class Stage(Section):
    """One of `stages`: a deployment."""

    name: Annotated[
        str,
        Field(
            title="the stage",
            pattern=r"^[A-Z][A-Za-z0-9]{0,31}$",
            description="1 to 32 letters and digits, beginning with a capital: Staging",
        ),
    ]
    config: Annotated[
        str,
        Field(
            title="the deployment's config.yaml",
            pattern=FILE,
            description="a file of the repository, from its root: deployments/staging.yaml",
        ),
    ]
    account: Annotated[
        str, Field(title="its account", pattern=ACCOUNT, description="twelve digits, in quotes")
    ]
    region: Annotated[
        str, Field(title="its region", pattern=REGION, description="a region, such as us-west-2")
    ]
    approval: Annotated[
        bool,
        Field(title="whether somebody has to agree before it begins", description="true or false"),
    ] = False
    verify: Annotated[
        bool,
        Field(
            title="whether `./darkroom verify` has to make its pictures before the next stage begins",
            description="true or false",
        ),
    ] = False


class Delivery(Section):
    """The file `delivery.yaml`."""

    name: Annotated[
        str,
        Field(
            title="the pipeline, and its stack",
            pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$",
            description="letters, digits and hyphens, starting with a letter, at most 64",
        ),
    ] = "darkroom-delivery"
    account: Annotated[
        str,
        Field(title="the pipeline's own account", pattern=ACCOUNT, description="twelve digits, in quotes"),
    ]
    region: Annotated[
        str,
        Field(title="the pipeline's own region", pattern=REGION, description="a region, such as us-west-2"),
    ]
    source: Annotated[
        Source,
        Field(
            title="where the repository is", description="a mapping with repository, branch and connectionArn"
        ),
    ]
    releases: Annotated[
        str | None,
        Field(
            title="the bucket that released zips are taken from; without one they are built",
            pattern=BUCKET,
            description="the name of a bucket, where the zips are as <name>-v<version>/<zip>",
        ),
    ] = None
    stages: Annotated[
        list[Stage],
        Field(
            title="the deployments, in their order",
            min_length=1,
            max_length=10,
            description="a list of 1 to 10 stages, each with name, config, account and region",
        ),
    ]
