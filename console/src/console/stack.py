"""From a deployed stack to what a console of it looks at, with the user's own AWS credentials.

They need `cloudformation:DescribeStacks`, `apigateway:GET` for the key, and `lambda:GetFunctionConfiguration`
of the validator, which knows the runtimes. The console itself then reads queues (`sqs:GetQueueAttributes`,
`sqs:GetQueueUrl`), the tasks table (`dynamodb:GetItem`, `dynamodb:Query`) and the payload bucket
(`s3:GetObject`, `s3:ListBucket`); what they may not read is not shown.
"""

from collections.abc import Iterator, Mapping, Sequence

from console.dispatch import MakeClient, aws_client, dispatch_stack, telling, validator_runtimes
from console.errors import SettingsError
from console.settings import AwsSource, RuntimeSource, Sources
from task_schema import RuntimeSpec

_WANTED = ("FrontApiEndpoint", "ApiKeyId", "RuntimeQueues", "ValidatorFunctionName")


def sources_of_stack(stack: str, region: str | None = None, *, clients: MakeClient = aws_client) -> Sources:
    """Return the sources of a console for a dispatch stack.

    Args:
        stack: its name, or the `stackName` of its configuration.
        region: where it is; None is the one that the user's AWS configuration names.
        clients: makes clients of AWS.

    Raises:
        NoStackError: there is no such stack, or it is none of Darkroom's.
        SettingsError: AWS does not tell, or not what this version understands.
    """
    with telling(
        stack,
        SettingsError,
        "AWS does not tell what a console needs",
        advice="With --endpoint and an API key it needs no AWS access, and shows tasks alone",
    ):
        cloudformation = clients("cloudformation", region)
        found = dispatch_stack(stack, cloudformation, _WANTED)
        outputs = found.outputs
        key = clients("apigateway", region).get_api_key(apiKey=outputs["ApiKeyId"], includeValue=True)
        specs = validator_runtimes(clients("lambda", region), outputs["ValidatorFunctionName"])
    return Sources(
        mode="stack",
        endpoint=outputs["FrontApiEndpoint"],
        api_key=key["value"],
        runtimes=_runtimes(specs, found.queues()),
        unrouted_queue_url=outputs.get("UnroutedQueueUrl"),
        aws=AwsSource(region=cloudformation.meta.region_name),
        tasks_table=outputs.get("TasksTable"),
        payload_bucket=outputs.get("PayloadBucket"),
    )


def _runtimes(specs: Sequence[RuntimeSpec], queues: Mapping[str, str]) -> tuple[RuntimeSource, ...]:
    # What a dynamic runtime can load lies in a bucket that no stack names: at least what others serve.
    named = list(dict.fromkeys(spec.model_filename for spec in specs if spec.model_filename))
    return tuple(
        RuntimeSource(
            name=spec.name,
            type=spec.type,
            tasktypes=spec.serves,
            models=tuple(_first(spec.model_filename, named if spec.dynamic_model else [])),
            queue_url=queues.get(spec.name),
        )
        for spec in specs
    )


def _first(own: str | None, others: list[str]) -> Iterator[str]:
    if own is not None:
        yield own
    yield from (other for other in others if other != own)
