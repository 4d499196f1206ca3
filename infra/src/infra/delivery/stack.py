"""The pipeline: from a commit to each deployment, one after the other (CDK Pipelines)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import pipelines

from infra.artifacts import Zips
from infra.assembly import add_cluster, add_dispatch
from infra.config import Config
from infra.delivery import steps
from infra.delivery.settings import Delivery, Stage
from infra.nag import acknowledge, acknowledge_policies

# What `cdk bootstrap` names its roles by, unless somebody has it otherwise.
QUALIFIER = cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER
BUILD = codebuild.BuildEnvironment(
    build_image=codebuild.LinuxBuildImage.STANDARD_7_0,
    # Two processors and 3 GB are too little for what resolves and packs the zips.
    compute_type=codebuild.ComputeType.MEDIUM,
)


@dataclass(frozen=True)
class Deployment:
    """A stage of the pipeline, with what its own file says."""

    stage: Stage
    config: Config
    zips: Zips


class DeliveryStack(cdk.Stack):
    """A pipeline that synthesises, and brings each deployment up to date when the one before it is.

    A stage whose `approval` is set waits for somebody; one whose `verify` is set has to make its pictures.
    """

    def __init__(
        self,
        scope: cdk.App,
        construct_id: str,
        *,
        delivery: Delivery,
        deployments: Sequence[Deployment],
        chart: Path | None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Darkroom: the pipeline that delivers it",
            analytics_reporting=False,
            env=cdk.Environment(account=delivery.account, region=delivery.region),
        )
        self._delivery = delivery
        source = pipelines.CodePipelineSource.connection(
            delivery.source.repository, delivery.source.branch, connection_arn=delivery.source.connection_arn
        )
        self._synth = self._synthesise(source, [each.stage for each in deployments])
        pipeline = pipelines.CodePipeline(
            self,
            "Pipeline",
            pipeline_name=delivery.name,
            artifact_bucket=self._artifacts(),
            synth=self._synth,
            pipeline_type=codepipeline.PipelineType.V2,
            cross_account_keys=True,
            enable_key_rotation=True,
            # One project for all assets: each start of one costs a minute, and the assets seconds.
            publish_assets_in_parallel=False,
            code_build_defaults=pipelines.CodeBuildOptions(build_environment=BUILD),
        )
        for each in deployments:
            pipeline.add_stage(
                _deployed(scope, each, chart),
                pre=[pipelines.ManualApprovalStep("Approve")] if each.stage.approval else [],
                post=[self._verify(source, each)] if each.stage.verify else [],
            )
        # Else it is built at synthesis, when reasons can no longer be given.
        pipeline.build_pipeline()
        _explain(self, pipeline.pipeline)

    def _artifacts(self) -> s3.Bucket:
        """Between the steps: the assembly, and the repository. Both can be made again."""
        return s3.Bucket(
            self,
            "Artifacts",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.KMS,
            enforce_ssl=True,
            lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(30))],
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _synthesise(
        self, source: pipelines.IFileSetProducer, stages: Sequence[Stage]
    ) -> pipelines.CodeBuildStep:
        bucket = self._delivery.releases
        reading = [] if bucket is None else [self._may_read(bucket)]
        return pipelines.CodeBuildStep(
            "Synth",
            input=source,
            partial_build_spec=codebuild.BuildSpec.from_object(steps.PROGRAMS),
            install_commands=steps.INSTALL,
            commands=steps.synthesise(bucket, [stage.config for stage in stages]),
            role_policy_statements=reading,
            primary_output_directory="cdk.out",
            timeout=cdk.Duration.hours(1),
        )

    def _may_read(self, bucket: str) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            actions=["s3:GetObject"], resources=[f"arn:{self.partition}:s3:::{bucket}/*"]
        )

    def _verify(self, source: pipelines.IFileSetProducer, deployed: Deployment) -> pipelines.CodeBuildStep:
        stage = deployed.stage
        # It may read, and nothing else: the stack's outputs, and the API key. Pictures come by signed links.
        role = (
            f"arn:{self.partition}:iam::{stage.account}:role/"
            f"cdk-{QUALIFIER}-lookup-role-{stage.account}-{stage.region}"
        )
        return pipelines.CodeBuildStep(
            f"Verify{stage.name}",
            input=source,
            partial_build_spec=codebuild.BuildSpec.from_object(steps.PROGRAMS),
            install_commands=steps.INSTALL,
            commands=steps.verify(deployed.config.stack_name, region=stage.region, role=role),
            role_policy_statements=[iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[role])],
            timeout=cdk.Duration.hours(1),
        )


def _explain(stack: cdk.Stack, pipeline: codepipeline.Pipeline) -> None:
    """Accept what CDK Pipelines makes of its own; the rest of the app's findings stay findings."""
    policies = [each for each in stack.node.find_all() if isinstance(each, iam.Policy)]
    acknowledge_policies(
        stack,
        policies,
        reason="CDK Pipelines' own: each project's logs and reports, keys and objects of the artifacts, and"
        " the roles of the bootstrap that deploy",
    )
    stores = [stack, *(support.stack for support in pipeline.cross_region_support.values())]
    for store in stores:
        acknowledge(store, "S1", reason="holds what can be made again; CloudTrail tells who read it")


def _deployed(scope: cdk.App, deployed: Deployment, chart: Path | None) -> cdk.Stage:
    """Return the stacks of a deployment, with the names that they have without a pipeline."""
    stage = cdk.Stage(
        scope,
        deployed.stage.name,
        env=cdk.Environment(account=deployed.stage.account, region=deployed.stage.region),
    )
    dispatch = add_dispatch(stage, deployed.config, zips=deployed.zips)
    if chart is not None:
        add_cluster(stage, deployed.config, dispatch=dispatch, chart=chart)
    return stage
