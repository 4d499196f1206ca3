"""The CDK app itself."""

from pathlib import Path

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks
from jsii.errors import JSIIError

from infra.artifacts import Zips
from infra.config import Config
from infra.dispatch.stack import DispatchStack
from infra.errors import SynthesisError
from infra.observability.stack import ObservabilityStack

# The CDK's newer behaviour, said here so that the app gives the same template with and without its CLI.
FEATURES = {
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/core:target-partitions": ["aws", "aws-cn"],
    "@aws-cdk/aws-apigateway:usagePlanKeyOrderInsensitiveId": True,
    "@aws-cdk/core:validateAgainstDefaultRules": True,
    # Else CloudFormation would not let a runtime's queue go as long as its alarms were there.
    "@aws-cdk/core:defaultCrossStackReferences": "weak",
}


def dispatch_app(config: Config, *, zips: Zips, outdir: Path) -> tuple[cdk.App, DispatchStack]:
    """Describe a deployment, with the rules of cdk-nag to be checked at synthesis; tell its first stack.

    Raises:
        EnvironmentTooBigError: more runtimes than a validator can know.
    """
    app = cdk.App(outdir=str(outdir), analytics_reporting=False, context=FEATURES)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app, verbose=True))
    stack = DispatchStack(app, f"{config.stack_name}Stack", config=config, zips=zips)
    ObservabilityStack(app, f"{config.stack_name}ObservabilityStack", config=config, dispatch=stack)
    cdk.Tags.of(app).add("darkroom:deployment", config.stack_name)
    return app, stack


def synthesise(config: Config, *, zips: Zips, outdir: Path) -> Path:
    """Write the cloud assembly; see `infra.app.synthesise`."""
    app, _ = dispatch_app(config, zips=zips, outdir=outdir)
    return write(app)


def write(app: cdk.App) -> Path:
    """Synthesise an app, and return the folder of its assembly.

    Raises:
        SynthesisError: the CDK or a rule of cdk-nag refuses.
    """
    try:
        return Path(app.synth().directory)
    except (JSIIError, RuntimeError) as exc:
        raise SynthesisError(f"the stacks cannot be synthesised: {exc}") from exc
