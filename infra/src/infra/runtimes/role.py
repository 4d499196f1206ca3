"""What a runtime's pod may do: what its queue agent needs (its README has the table), and reading models."""

from collections.abc import Iterator, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.cluster.identities import PodRole
from infra.dispatch.buckets import TASKS
from infra.nag import acknowledge_open
from infra.runtimes.places import Places, QueuePlace
from task_schema import UPLOADS

CONSUME = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")
KEEP_TASKS = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")


class RuntimeRole(PodRole):
    """The role of one runtime's pods."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        runtime: str,
        places: Places,
        queue: QueuePlace,
        models: str,
        inputs: Sequence[str],
    ) -> None:
        """Make it.

        Args:
            scope: the stack.
            construct_id: in it.
            runtime: its name.
            places: what all runtimes share.
            queue: the runtime's own.
            models: ARN of the bucket with the models.
            inputs: `<bucket>` or `<bucket>/<prefix>`, where tasks may have inputs.
        """
        super().__init__(scope, construct_id, description=f"Darkroom: pods of the runtime {runtime}")
        statements = [
            _allow("OwnQueue", CONSUME, [queue.arn]),
            _allow("Tasks", KEEP_TASKS, [places.table_arn]),
            _allow("Notify", ("sns:Publish",), [places.notifications_arn]),
            _allow(
                "Outputs", ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"), [f"{places.output_arn}/*"]
            ),
            _allow("Payloads", ("s3:GetObject", "s3:PutObject"), [f"{places.payload_arn}/{TASKS}/*"]),
            _allow("Uploads", ("s3:GetObject",), [f"{places.payload_arn}/{UPLOADS}/*"]),
            _allow("Unreadable", ("s3:PutObject",), [f"{places.payload_arn}/unreadable/{runtime}/*"]),
            _allow("WhatIsMissing", ("s3:ListBucket",), [places.payload_arn, models]),
            _allow("Models", ("s3:GetObject",), [f"{models}/*"]),
            *_inputs(inputs),
        ]
        for statement in statements:
            self.add_to_policy(statement)
        acknowledge_open(
            self,
            statements,
            reason="objects have no names before they are there: users choose folders of outputs, each task"
            " has a folder of payloads, and which models and inputs there are is not known here",
        )


def _inputs(places: Sequence[str]) -> Iterator[iam.PolicyStatement]:
    if places:
        arns = [f"arn:{cdk.Aws.PARTITION}:s3:::{place.rstrip('/')}/*" for place in places]
        yield _allow("Inputs", ("s3:GetObject",), arns)


def _allow(sid: str, actions: Sequence[str], resources: list[str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=list(actions), resources=resources)
