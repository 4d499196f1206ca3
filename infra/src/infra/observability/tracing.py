"""What X-Ray needs to be told in an account, beside what the dispatch stack switches on (DESIGN 6)."""

import hashlib
from collections.abc import Mapping, Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_xray as xray
from constructs import Construct

from infra.config import Tracing

RULE_NAME_CHARACTERS = 32
SERVICE_NAME_CHARACTERS = 64
PRIORITY = 1000  # before the default rule, which is the last; a user's own may come before ours
INDEXED_PERCENT = 1  # of the spans of Transaction Search, which is free


class TracingRules(Construct):
    """Sampling of the API's requests, and leave for SNS to write its segments."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: str,
        settings: Tracing,
        service: str,
        topics: Sequence[sns.ITopic],
    ) -> None:
        """Make them.

        Args:
            scope: the stack.
            construct_id: in it.
            deployment: its name, which the names of what is made start with.
            settings: of the configuration.
            service: how X-Ray names the API: `<name of the API>/<name of the stage>`.
            topics: with active tracing.
        """
        super().__init__(scope, construct_id)
        self._sample(deployment, settings.sampling, service)
        if settings.resource_policy:
            self._allow_topics(deployment, topics)
        if settings.transaction_search:
            self._search()

    def _sample(self, deployment: str, share: float, service: str) -> None:
        name = short_name(deployment, RULE_NAME_CHARACTERS)
        xray.CfnSamplingRule(
            self,
            "Requests",
            sampling_rule=xray.CfnSamplingRule.SamplingRuleProperty(
                rule_name=name,
                priority=PRIORITY,
                # Of the reservoir some are traced whatever the share is: the setting says the share alone.
                reservoir_size=0,
                fixed_rate=share,
                service_name=wildcard(service, SERVICE_NAME_CHARACTERS),
                service_type="AWS::ApiGateway::Stage",
                resource_arn="*",
                host="*",
                http_method="*",
                url_path="*",
                version=1,
            ),
        )

    def _allow_topics(self, deployment: str, topics: Sequence[sns.ITopic]) -> None:
        stack = Stack.of(self)
        statement = iam.PolicyStatement(
            sid="SNSAccess",
            principals=[iam.ServicePrincipal("sns.amazonaws.com")],
            actions=["xray:PutTraceSegments", "xray:GetSamplingRules", "xray:GetSamplingTargets"],
            resources=["*"],  # X-Ray knows no resources
            conditions={
                "StringEquals": {"aws:SourceAccount": stack.account},
                "StringLike": {"aws:SourceArn": [topic.topic_arn for topic in topics]},
            },
        )
        xray.CfnResourcePolicy(
            self,
            "TopicsMayTrace",
            policy_name=f"{deployment}-sns",
            policy_document=stack.to_json_string(_document(statement)),
        )

    def _search(self) -> None:
        stack = Stack.of(self)
        groups = ("aws/spans", "/aws/application-signals/data")
        statement = iam.PolicyStatement(
            sid="TransactionSearch",
            principals=[iam.ServicePrincipal("xray.amazonaws.com")],
            actions=["logs:PutLogEvents"],
            resources=[
                f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:{group}:*"
                for group in groups
            ],
            conditions={
                "ArnLike": {"aws:SourceArn": f"arn:{stack.partition}:xray:{stack.region}:{stack.account}:*"},
                "StringEquals": {"aws:SourceAccount": stack.account},
            },
        )
        policy = logs.CfnResourcePolicy(
            self,
            "SpansMayBeKept",
            policy_name="TransactionSearchXRayAccess",
            policy_document=stack.to_json_string(_document(statement)),
        )
        search = xray.CfnTransactionSearchConfig(self, "Search", indexing_percentage=INDEXED_PERCENT)
        search.node.add_dependency(policy)


def short_name(name: str, most: int) -> str:
    """Return a name of at most `most` characters that no other name is cut to."""
    if len(name) <= most:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: most - 9]}-{digest}"


def wildcard(name: str, most: int) -> str:
    """Return a pattern of at most `most` characters that matches a name."""
    return name if len(name) <= most else f"{name[: most - 1]}*"


def _document(statement: iam.PolicyStatement) -> Mapping[str, object]:
    return {"Version": "2012-10-17", "Statement": [statement.to_statement_json()]}
