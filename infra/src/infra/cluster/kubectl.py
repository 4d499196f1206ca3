"""The function with which CloudFormation installs charts in the cluster."""

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk.lambda_layer_kubectl_v35 import KubectlV35Layer
from constructs import Construct

from infra.nag import acknowledge_managed, acknowledge_open

POLICIES = (
    "service-role/AWSLambdaBasicExecutionRole",
    "service-role/AWSLambdaVPCAccessExecutionRole",
    "AmazonEC2ContainerRegistryPullOnly",  # charts in a registry of the account
)


class Kubectl(Construct):
    """`options` of the cluster: kubectl and Helm, and a role that nobody adds to.

    The role is the cluster's admin. Left to the CDK, it would get read access by patterns of actions for
    each chart that is an asset.
    """

    def __init__(self, scope: Construct, construct_id: str, *, cluster: str) -> None:
        """Make it for the cluster of that name."""
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(name) for name in POLICIES],
            description="Darkroom: installs charts in the cluster",
        )
        statements = self._statements(cluster)
        for statement in statements:
            role.add_to_policy(statement)
        acknowledge_managed(role, POLICIES, reason="what Lambda and ECR document for a function in a VPC")
        acknowledge_open(
            role, statements, reason="assets are named by what is in them; a token belongs to no resource"
        )
        self.options = eks.KubectlProviderOptions(
            kubectl_layer=KubectlV35Layer(self, "Layer"), role=role.without_policy_updates()
        )

    def drop_unused_condition(self) -> None:
        """Remove what the CDK puts beside each role of its handler, for a policy that ours lacks."""
        self.node.try_remove_child("HasEcrPublic")

    def _statements(self, cluster: str) -> list[iam.PolicyStatement]:
        stack = cdk.Stack.of(self)
        assets = f"cdk-{stack.synthesizer.bootstrap_qualifier}-assets-{stack.account}-{stack.region}"
        return [
            iam.PolicyStatement(
                sid="FindCluster",
                actions=["eks:DescribeCluster"],
                resources=[stack.format_arn(service="eks", resource="cluster", resource_name=cluster)],
            ),
            iam.PolicyStatement(
                sid="ReadCharts",
                actions=["s3:GetObject"],
                resources=[
                    stack.format_arn(service="s3", region="", account="", resource=assets, resource_name="*")
                ],
            ),
            iam.PolicyStatement(
                sid="PublicCharts",
                actions=["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"],
                resources=["*"],
            ),
        ]
