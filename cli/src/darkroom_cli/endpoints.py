"""Which system is meant: the one that is up here, one whose endpoint and key are given, or a stack."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from darkroom_cli.errors import BadRequestOptionError, NoAnswerError
from darkroom_client import BadArgumentError, Connection
from local.home import Home
from local.state import State, read_state

ENDPOINT_VARIABLE = "DARKROOM_ENDPOINT"
KEY_VARIABLE = "DARKROOM_API_KEY"
STACK_VARIABLE = "DARKROOM_STACK_NAME"
_SUFFIX = "Stack"  # `stackName` of config.yaml plus this is the name of its dispatch stack

type MakeClient = Callable[[str, str | None], Any]


@dataclass(frozen=True)
class Target:
    """What the user said about it; None is "not said"."""

    endpoint: str | None = None
    api_key: str | None = field(default=None, repr=False)
    stack: str | None = None
    region: str | None = None


def aws_client(service: str, region: str | None) -> Any:
    """Make a client of AWS with the user's own credentials."""
    return boto3.client(service, region_name=region)


def connection(
    target: Target, *, environ: Mapping[str, str], home: Home, clients: MakeClient = aws_client
) -> Connection:
    """Return endpoint and key: of the options, else of the environment, else of the system that is up.

    Raises:
        BadRequestOptionError: the options do not go together.
        NoAnswerError: AWS does not tell the stack's endpoint and key.
        NotUpError: nothing was said, and no system is up.
    """
    return named(target, environ=environ, clients=clients) or of_state(read_state(home))


def named(
    target: Target, *, environ: Mapping[str, str], clients: MakeClient = aws_client
) -> Connection | None:
    """Return endpoint and key of the system that options or environment name; None where they name none.

    Raises:
        BadRequestOptionError, NoAnswerError: see `connection`.
    """
    stack = stack_of(target, environ=environ)
    if stack is not None:
        return _made(*_of_stack(stack, target.region, clients))
    endpoint = target.endpoint or environ.get(ENDPOINT_VARIABLE)
    key = target.api_key or environ.get(KEY_VARIABLE)
    if endpoint and key:
        return _made(endpoint, key)
    if endpoint or target.api_key:
        missing = f"--api-key or {KEY_VARIABLE}" if endpoint else f"--endpoint or {ENDPOINT_VARIABLE}"
        raise BadRequestOptionError(f"endpoint and key go together: {missing} is missing")
    return None


def stack_of(target: Target, *, environ: Mapping[str, str]) -> str | None:
    """Return the stack that is meant; options come before the environment, an endpoint before a stack.

    Raises:
        BadRequestOptionError: the options do not go together.
    """
    if target.stack is not None and (target.endpoint or target.api_key):
        raise BadRequestOptionError("--stack-name tells endpoint and key: it goes without the other two")
    stack = target.stack
    if stack is None and not (target.endpoint or target.api_key or environ.get(ENDPOINT_VARIABLE)):
        stack = environ.get(STACK_VARIABLE) or None
    if stack is None and target.region is not None:
        raise BadRequestOptionError("--region goes with --stack-name")
    return stack


def of_state(state: State) -> Connection:
    """Return endpoint and key of a system that is up."""
    return _made(state.endpoint, state.api_key)


def _made(endpoint: str, key: str) -> Connection:
    try:
        return Connection(endpoint, key)
    except BadArgumentError as exc:
        raise BadRequestOptionError(str(exc)) from exc


def _of_stack(stack: str, region: str | None, clients: MakeClient) -> tuple[str, str]:
    """Return endpoint and key of a dispatch stack."""
    try:
        found = described(stack, clients("cloudformation", region))
        outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", ())}
        if not {"FrontApiEndpoint", "ApiKeyId"} <= outputs.keys():
            raise BadRequestOptionError(f"--stack-name: {stack} is not a dispatch stack of Darkroom")
        key = clients("apigateway", region).get_api_key(apiKey=outputs["ApiKeyId"], includeValue=True)
    except (BotoCoreError, ClientError) as exc:
        raise NoAnswerError(
            f"AWS does not tell endpoint and key of {stack}: {exc}. Are name, --region and AWS_PROFILE right?"
        ) from exc
    return outputs["FrontApiEndpoint"], key["value"]


def described(stack: str, cloudformation: Any) -> dict[str, Any]:
    """Describe a stack; `sdoneks` means `sdoneksStack`, too."""
    try:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as exc:
        if stack.endswith(_SUFFIX) or "does not exist" not in str(exc):
            raise
        return described(stack + _SUFFIX, cloudformation)
    return found
