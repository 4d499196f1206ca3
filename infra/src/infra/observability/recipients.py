"""Who is told of alarms."""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.config import Alarms

ALARMS = "cloudwatch.amazonaws.com"
KEY_PENDING = Duration.days(7)  # the shortest; what it kept is gone with the topic


class Recipients(Construct):
    """The topic that alarms go to: one of the user's, one made for an address, or none.

    `action` is None where nobody is told; alarms show in the console all the same.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Alarms) -> None:
        super().__init__(scope, construct_id)
        topic: sns.ITopic | None = None
        if settings.topic_arn is not None:
            topic = sns.Topic.from_topic_arn(self, "Topic", settings.topic_arn)
        elif settings.email is not None:
            topic = self._topic_for(settings.email)
        self.action: cloudwatch.IAlarmAction | None = None if topic is None else actions.SnsAction(topic)

    def _topic_for(self, address: str) -> sns.Topic:
        key = self._key()
        topic = sns.Topic(self, "Topic", display_name="Darkroom alarms", enforce_ssl=True, master_key=key)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal(ALARMS)],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        sns.Subscription(
            self, "Address", topic=topic, endpoint=address, protocol=sns.SubscriptionProtocol.EMAIL
        )
        return topic

    def _key(self) -> kms.Key:
        # CloudWatch cannot use the key that AWS keeps for SNS.
        key = kms.Key(
            self,
            "Key",
            description="Darkroom: messages of alarms",
            enable_key_rotation=True,
            pending_window=KEY_PENDING,
            removal_policy=RemovalPolicy.DESTROY,
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal(ALARMS)],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],  # in a key's own policy: this key
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        return key
