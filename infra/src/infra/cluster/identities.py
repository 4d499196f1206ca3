"""Roles of pods by EKS Pod Identity: no OIDC provider, no annotation, the association says who gets what."""

from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

PODS = "pods.eks.amazonaws.com"  # in every partition


class PodRole(iam.Role):
    """A role that pods may take, once an association names their service account."""

    def __init__(self, scope: Construct, construct_id: str, *, description: str) -> None:
        principal = iam.ServicePrincipal(PODS)
        super().__init__(
            scope, construct_id, assumed_by=principal.with_session_tags(), description=description
        )


def associate(
    scope: Construct,
    construct_id: str,
    *,
    cluster: str,
    namespace: str,
    service_account: str,
    role: iam.IRole,
) -> eks.CfnPodIdentityAssociation:
    """Give the pods of a service account a role; neither has to be there yet."""
    return eks.CfnPodIdentityAssociation(
        scope,
        construct_id,
        cluster_name=cluster,
        namespace=namespace,
        service_account=service_account,
        role_arn=role.role_arn,
    )
