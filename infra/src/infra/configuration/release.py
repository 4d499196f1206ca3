"""The section `release`: which releases a deployment runs."""

from typing import Annotated

from pydantic import Field

from infra.configuration.section import Section

VERSION = r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$"

Version = Annotated[str, Field(pattern=VERSION)]


class Release(Section):
    """The section `release`; what is left out comes in the version of this checkout."""

    queue_agent: Annotated[
        Version | None,
        Field(
            title="the queue agent's image in all runtimes; extraValues of a runtime have the last word",
            alias="queueAgent",
            description='a version in quotes, such as "0.3.0"; by default the chart\'s appVersion',
        ),
    ] = None
    validator: Annotated[
        Version | None,
        Field(
            title="the function that takes tasks",
            description='a version in quotes, such as "0.2.0"; by default that of services/validator/VERSION',
        ),
    ] = None
    status: Annotated[
        Version | None,
        Field(
            title="the function that shows and cancels tasks",
            description='a version in quotes, such as "0.2.0"; by default that of services/status/VERSION',
        ),
    ] = None
    notifier: Annotated[
        Version | None,
        Field(
            title="the functions that send webhooks and end what got stuck",
            description='a version in quotes, such as "0.2.0"; by default that of services/notifier/VERSION',
        ),
    ] = None
