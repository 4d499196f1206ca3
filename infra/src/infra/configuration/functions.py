"""The section `functions`."""

from typing import Annotated, Literal

from pydantic import Field

from infra.configuration.section import Section

Architecture = Literal["x86_64", "arm64"]

MOST_AT_ONCE = 100_000
_AT_ONCE = f"a whole number from 1 to {MOST_AT_ONCE}; AWS keeps some of the account's for all other functions"


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
    validator_concurrency: Annotated[
        int | None,
        Field(
            title="how many submissions may be under way at once: reserved, so that nothing else in the"
            " account can take it, and never more; without it, what the account has left",
            alias="validatorConcurrency",
            ge=1,
            le=MOST_AT_ONCE,
            description=_AT_ONCE,
        ),
    ] = None
    status_concurrency: Annotated[
        int | None,
        Field(
            title="how many questions about tasks may be under way at once, those that wait (?wait=) counted:"
            " reserved, and never more; without it, what the account has left",
            alias="statusConcurrency",
            ge=1,
            le=MOST_AT_ONCE,
            description=_AT_ONCE,
        ),
    ] = None
