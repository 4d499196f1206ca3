"""The section `functions`."""

from typing import Annotated, Literal

from pydantic import Field

from infra.configuration.section import Section

Architecture = Literal["x86_64", "arm64"]


class Functions(Section):
    """The section `functions`."""

    architecture: Annotated[
        Architecture,
        Field(
            title="what the Lambda functions run on; arm64 costs a fifth less for each second",
            description="x86_64 or arm64",
        ),
    ] = "x86_64"
    snap_start: Annotated[
        bool,
        Field(
            title="whether the functions behind the API start from a snapshot (SnapStart); keeping and"
            " restoring it costs a little, and not every region has it",
            alias="snapStart",
            description="true or false",
        ),
    ] = False
