"""The nodes that the cluster's own pods run on, and the role that a node has."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.cluster.network import PRIVATE
from infra.configuration.cluster import SystemNodes
from infra.nag import acknowledge_managed

OS_GIB = 4
DATA_GIB = 30
POLICIES = (
    "AmazonEKS_CNI_Policy",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonSSMManagedInstanceCore",
)


class NodeRole(iam.Role):
    """What an instance may do that is a node; its pods have roles of their own and cannot reach this one."""

    def __init__(self, scope: Construct, construct_id: str, *, description: str) -> None:
        super().__init__(
            scope,
            construct_id,
            # In China the service has a name of its own.
            assumed_by=iam.ServicePrincipal(f"ec2.{cdk.Aws.URL_SUFFIX}"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(name) for name in POLICIES],
            description=description,
        )
        acknowledge_managed(
            self, POLICIES, reason="what EKS documents for its nodes, and AWS keeps in step with them"
        )


class SystemNodeGroup(Construct):
    """Nodes for Karpenter, KEDA and the add-ons, which cannot be where they would scale themselves away."""

    def __init__(
        self, scope: Construct, construct_id: str, *, cluster: eks.ICluster, settings: SystemNodes
    ) -> None:
        super().__init__(scope, construct_id)
        instance_type = ec2.InstanceType(settings.instance_type)
        template = self._template()
        role = NodeRole(self, "Role", description="Darkroom: system nodes")
        self.group = eks.Nodegroup(
            self,
            "Group",
            cluster=cluster,
            node_role=role,
            instance_types=[instance_type],
            ami_type=_ami_type(instance_type),
            min_size=settings.count,
            desired_size=settings.count,
            max_size=settings.count,
            subnets=PRIVATE,
            # A node goes only when its pods may: Karpenter and DNS are never gone at once for an update.
            force_update=False,
            launch_template_spec=eks.LaunchTemplateSpec(
                id=template.launch_template_id or "", version=template.latest_version_number
            ),
        )

    def _template(self) -> ec2.LaunchTemplate:
        return ec2.LaunchTemplate(
            self,
            "Template",
            require_imdsv2=True,
            http_put_response_hop_limit=1,  # no pod reaches the node's role
            block_devices=[_volume("/dev/xvda", OS_GIB), _volume("/dev/xvdb", DATA_GIB)],
        )


def _volume(device: str, gib: int) -> ec2.BlockDevice:
    volume = ec2.BlockDeviceVolume.ebs(
        gib, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3, delete_on_termination=True
    )
    return ec2.BlockDevice(device_name=device, volume=volume)


def _ami_type(instance_type: ec2.InstanceType) -> eks.NodegroupAmiType:
    if instance_type.architecture == ec2.InstanceArchitecture.ARM_64:
        return eks.NodegroupAmiType.BOTTLEROCKET_ARM_64
    return eks.NodegroupAmiType.BOTTLEROCKET_X86_64
