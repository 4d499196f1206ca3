from aws_cdk import aws_sns as sns
from constructs import Construct

# The key that AWS keeps for SNS in each account: no cost of its own, and every principal of the account
# that may publish may use it. It is given by alias since CDK would spell it as an ARN.
AWS_MANAGED_KEY = "alias/aws/sns"


class TaskTopic(Construct):
    """A topic that only takes messages over TLS, keeps them encrypted, and carries traces on."""

    def __init__(self, scope: Construct, construct_id: str, *, display_name: str) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(
            self,
            "Topic",
            display_name=display_name,
            enforce_ssl=True,
            tracing_config=sns.TracingConfig.ACTIVE,
        )
        resource = self.topic.node.default_child
        assert isinstance(resource, sns.CfnTopic)
        resource.kms_master_key_id = AWS_MANAGED_KEY
