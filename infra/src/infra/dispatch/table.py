from aws_cdk import CfnDeletionPolicy, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

INDEX_BY_RUNTIME = "by-runtime"
INDEX_BY_LOOK = "by-look"
TTL_ATTRIBUTE = "expires_on"


class TasksTable(Construct):
    """The tasks table (DESIGN 4.2), with its index by runtime and day, and the one of what got stuck.

    It goes with the stack, as the guide's uninstalling says: what it holds expires after 30 days anyway. An
    update that would replace it keeps the old one, since tasks in flight live in it.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=TTL_ATTRIBUTE,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.table.add_global_secondary_index(
            index_name=INDEX_BY_RUNTIME,
            partition_key=dynamodb.Attribute(name="runtime_day", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="created_at", type=dynamodb.AttributeType.NUMBER),
            projection_type=dynamodb.ProjectionType.ALL,
        )
        # Only tasks that have not ended, or whose end was not told, are in it (docs/adr/0008).
        self.table.add_global_secondary_index(
            index_name=INDEX_BY_LOOK,
            partition_key=dynamodb.Attribute(name="shard", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="look_at", type=dynamodb.AttributeType.NUMBER),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )
        resource = self.table.node.default_child
        assert isinstance(resource, dynamodb.CfnTable)
        resource.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
