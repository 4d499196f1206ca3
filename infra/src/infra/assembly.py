"""The CDK app itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks
from constructs import Construct
from jsii.errors import JSIIError

from infra import checkov
from infra.artifacts import Zips
from infra.cluster.stack import ClusterStack
from infra.config import Config
from infra.dispatch.stack import DispatchStack
from infra.errors import SynthesisError
from infra.observability.stack import ObservabilityStack
from infra.runtimes.stack import RuntimeStack

# The CDK's newer behaviour, said here so that the app gives the same template with and without its CLI.
FEATURES = {
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/core:target-partitions": ["aws", "aws-cn"],
    "@aws-cdk/aws-apigateway:usagePlanKeyOrderInsensitiveId": True,
    "@aws-cdk/core:validateAgainstDefaultRules": True,
    # Else CloudFormation would not let a runtime's queue go as long as its alarms were there.
    "@aws-cdk/core:defaultCrossStackReferences": "weak",
}


def new_app(outdir: Path) -> cdk.App:
    """Return an app without stacks, with the rules of cdk-nag to be checked at synthesis."""
    app = cdk.App(outdir=str(outdir), analytics_reporting=False, context=FEATURES)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app, verbose=True))
    return app


def dispatch_app(config: Config, *, zips: Zips, outdir: Path) -> tuple[cdk.App, DispatchStack]:
    """Describe a deployment without its cluster; tell its first stack.

    Raises:
        EnvironmentTooBigError: more runtimes than a validator can know.
    """
    app = new_app(outdir)
    return app, add_dispatch(app, config, zips=zips)


def add_dispatch(scope: Construct, config: Config, *, zips: Zips) -> DispatchStack:
    """Add what takes tasks and what watches over them, and return the former.

    Raises:
        EnvironmentTooBigError: more runtimes than a validator can know.
    """
    stack = DispatchStack(scope, f"{config.stack_name}Stack", config=config, zips=zips)
    observed = ObservabilityStack(
        scope, f"{config.stack_name}ObservabilityStack", config=config, dispatch=stack
    )
    _complete(config, stack, observed, findings=checkov.DISPATCH)
    return stack


def add_cluster(scope: Construct, config: Config, *, dispatch: DispatchStack, chart: Path) -> ClusterStack:
    """Add the cluster and a stack for each runtime; the other stacks' templates stay as they are."""
    cluster = ClusterStack(scope, f"{config.stack_name}ClusterStack", config=config, dispatch=dispatch)
    runtimes = [
        RuntimeStack(
            scope,
            f"{config.stack_name}Runtime-{runtime.name}",
            config=config,
            runtime=runtime,
            dispatch=dispatch,
            cluster=cluster,
            chart=chart,
        )
        for runtime in config.models_runtime
    ]
    _complete(config, cluster, *runtimes, findings=checkov.CLUSTER)
    return cluster


def _complete(config: Config, *stacks: cdk.Stack, findings: checkov.Reasons) -> None:
    """Tag stacks that have all their resources, and say why checks do not hold for some."""
    for stack in stacks:
        checkov.accept(stack, findings)
        cdk.Tags.of(stack).add("darkroom:deployment", config.stack_name)


def synthesise(config: Config, *, zips: Zips, outdir: Path, chart: Path | None = None) -> Path:
    """Write the cloud assembly; see `infra.app.synthesise`."""
    with refusals_told():
        app, dispatch = dispatch_app(config, zips=zips, outdir=outdir)
        if chart is not None:
            add_cluster(app, config, dispatch=dispatch, chart=chart)
    return write(app)


def write(app: cdk.App) -> Path:
    """Synthesise an app, and return the folder of its assembly.

    Raises:
        SynthesisError: the CDK or a rule of cdk-nag refuses.
    """
    with refusals_told():
        return Path(app.synth().directory)


@contextmanager
def refusals_told() -> Iterator[None]:
    """Make what the CDK raises, while things are made and at synthesis, an error of ours."""
    try:
        yield
    except (JSIIError, RuntimeError) as exc:
        raise SynthesisError(f"the stacks cannot be synthesised: {exc}") from exc
