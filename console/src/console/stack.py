"""From a deployed stack to what a console of it looks at, with the user's own AWS credentials.

They need `cloudformation:DescribeStacks`, `apigateway:GET` for the key, and `lambda:GetFunctionConfiguration`
of the validator, which knows the runtimes. The console itself then reads queues (`sqs:GetQueueAttributes`,
`sqs:GetQueueUrl`), the tasks table (`dynamodb:GetItem`, `dynamodb:Query`) and the payload bucket
(`s3:GetObject`, `s3:ListBucket`); what they may not read is not shown.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError
from pydantic import ValidationError

from console.errors import SettingsError
from console.settings import AwsSource, RuntimeSource, Sources
from s3io.errors import SDK_ERRORS
from task_schema import RuntimeSpec

_SUFFIX = "Stack"  # `stackName` of config.yaml plus this is the name of its dispatch stack
_WANTED = ("FrontApiEndpoint", "ApiKeyId", "RuntimeQueues", "ValidatorFunctionName")

#: Makes boto3's client of a service in a region; None is the user's own.
type MakeClient = Callable[[str, str | None], Any]


def aws_client(service: str, region: str | None) -> Any:
    """Make a client of AWS with the user's own credentials."""
    return boto3.client(service, region_name=region)


def sources_of_stack(stack: str, region: str | None = None, *, clients: MakeClient = aws_client) -> Sources:
    """Return the sources of a console for a dispatch stack.

    Args:
        stack: its name, or the `stackName` of its configuration.
        region: where it is; None is the one that the user's AWS configuration names.
        clients: makes clients of AWS.

    Raises:
        SettingsError: there is no such stack, it is none of Darkroom's, or AWS does not tell.
    """
    with _telling(stack):
        cloudformation = clients("cloudformation", region)
        described = _described(stack, cloudformation)
        outputs = _outputs(described)
        key = clients("apigateway", region).get_api_key(apiKey=outputs["ApiKeyId"], includeValue=True)
        function = clients("lambda", region).get_function_configuration(
            FunctionName=outputs["ValidatorFunctionName"]
        )
    name = described["StackName"]
    try:
        queues = json.loads(outputs["RuntimeQueues"])
        return Sources(
            mode="stack",
            endpoint=outputs["FrontApiEndpoint"],
            api_key=key["value"],
            runtimes=_runtimes(function, queues),
            unrouted_queue_url=outputs.get("UnroutedQueueUrl"),
            aws=AwsSource(region=cloudformation.meta.region_name),
            tasks_table=outputs.get("TasksTable"),
            payload_bucket=outputs.get("PayloadBucket"),
        )
    except (ValueError, TypeError, KeyError, AttributeError, ValidationError):
        raise SettingsError(
            f"{name}: its outputs, or the variable RUNTIMES of its validator, cannot be read: was it deployed"
            " with another version? ./darkroom deploy brings it to this one"
        ) from None


def _runtimes(function: Mapping[str, Any], queues: Mapping[str, str]) -> tuple[RuntimeSource, ...]:
    variables = function.get("Environment", {}).get("Variables", {})
    specs = [RuntimeSpec.model_validate(one) for one in json.loads(variables["RUNTIMES"])]
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


@contextmanager
def _telling(stack: str) -> Iterator[None]:
    """Say of boto3's errors what to do about them."""
    try:
        yield
    except (NoCredentialsError, NoRegionError) as exc:
        raise SettingsError(
            f"{stack}: {exc}. Set AWS_PROFILE and AWS_REGION, or run `aws configure`; --region names a region"
        ) from exc
    except SDK_ERRORS as exc:
        raise SettingsError(
            f"{stack}: AWS does not tell what a console needs: {exc}. With --endpoint and an API key it needs"
            " no AWS access, and shows tasks alone"
        ) from exc


def _described(stack: str, cloudformation: Any) -> dict[str, Any]:
    for name in dict.fromkeys((stack, stack if stack.endswith(_SUFFIX) else stack + _SUFFIX)):
        try:
            found: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as exc:
            if "does not exist" not in str(exc):
                raise
        else:
            return found
    raise SettingsError(
        f"there is no stack {stack} in this account and region. Stacks are named <stackName>Stack, with"
        " stackName of config.yaml; ./darkroom deploy makes one"
    )


def _outputs(described: Mapping[str, Any]) -> dict[str, str]:
    outputs = {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", ())}
    missing = [name for name in _WANTED if name not in outputs]
    if missing:
        raise SettingsError(
            f"{described['StackName']} is {described['StackStatus']} and has no output {missing[0]}: it is"
            " not a dispatch stack of Darkroom, or its deployment was not finished"
        )
    return outputs
