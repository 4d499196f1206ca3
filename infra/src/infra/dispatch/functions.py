"""What holds for all functions alike: their architecture, and how those behind the API start."""

from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IConstruct

from infra.configuration.functions import Functions

ALIAS = "live"


def run_on(architecture: str, scope: IConstruct) -> None:
    """Let all functions at or below a construct run on an architecture; their zips have to be for it."""
    for construct in scope.node.find_all():
        if isinstance(construct, lambda_.CfnFunction):
            construct.architectures = [architecture]


def behind_the_api(scope: Construct, function: lambda_.Function, settings: Functions) -> lambda_.IFunction:
    """Return what the API calls: the function, or with SnapStart the alias of its newest version.

    Only versions start from a snapshot.
    """
    if not settings.snap_start:
        return function
    resource = function.node.default_child
    assert isinstance(resource, lambda_.CfnFunction)
    resource.snap_start = lambda_.CfnFunction.SnapStartProperty(apply_on="PublishedVersions")
    return lambda_.Alias(scope, "Live", alias_name=ALIAS, version=function.current_version)
