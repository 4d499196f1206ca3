from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.nag import acknowledge

PAYLOAD_DAYS = 30  # a message lives 14 days in a queue, and as long in a dead-letter queue
UNFINISHED_UPLOAD_DAYS = 1

# Folders of the payload bucket.
TASKS = "tasks"  # what is too large for a message or a row: tasks/<submission>/
LETTERS = "dead-letters"  # messages that no agent could bring to an end


class PrivateBucket(Construct):
    """A bucket that only this account reaches, over TLS, with its contents encrypted.

    It stays when the stack is deleted, since CloudFormation cannot delete a bucket that holds objects. Where
    objects expire it empties itself.
    """

    def __init__(self, scope: Construct, construct_id: str, *, expire_after_days: int | None = None) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            lifecycle_rules=_lifecycle(expire_after_days),
            removal_policy=RemovalPolicy.RETAIN,
        )
        acknowledge(
            self.bucket,
            "S1",
            reason="only roles say who may read; access logs would need a bucket and a bill of their own."
            " CloudTrail's data events tell who read what, where somebody wants to know",
        )


def _lifecycle(expire_after_days: int | None) -> Sequence[s3.LifecycleRule]:
    unfinished = s3.LifecycleRule(
        id="unfinished-uploads",
        abort_incomplete_multipart_upload_after=Duration.days(UNFINISHED_UPLOAD_DAYS),
    )
    if expire_after_days is None:
        return [unfinished]
    return [unfinished, s3.LifecycleRule(id="expire", expiration=Duration.days(expire_after_days))]
