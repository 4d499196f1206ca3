"""Who may use the cluster from outside: whoever may take the access role."""

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct


class Access(Construct):
    """The access role, and `command`: what makes kubectl use it.

    Any principal of the account whose own policies allow it may take the role; it is the cluster's admin.
    """

    def __init__(self, scope: Construct, construct_id: str, *, cluster: eks.Cluster) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.AccountRootPrincipal(),
            description=f"Darkroom: kubectl in {stack.stack_name}",
        )
        self.role.add_to_policy(
            iam.PolicyStatement(actions=["eks:DescribeCluster"], resources=[cluster.cluster_arn])
        )
        everything = eks.AccessPolicy.from_access_policy_name(
            "AmazonEKSClusterAdminPolicy", access_scope_type=eks.AccessScopeType.CLUSTER
        )
        cluster.grant_access("Operators", self.role.role_arn, [everything])
        self.command = (
            f"aws eks update-kubeconfig --name {cluster.cluster_name}"
            f" --region {stack.region} --role-arn {self.role.role_arn}"
        )
