"""Which system is meant: the one that is up here, one whose endpoint and key are given, or a stack."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from console.dispatch import MakeClient, aws_client, dispatch_stack, telling
from console.errors import NoStackError
from darkroom_cli.errors import BadRequestOptionError, NoAnswerError
from darkroom_client import BadArgumentError, Connection
from local.home import Home
from local.state import State, read_state

ENDPOINT_VARIABLE = "DARKROOM_ENDPOINT"
KEY_VARIABLE = "DARKROOM_API_KEY"
STACK_VARIABLE = "DARKROOM_STACK_NAME"
_ENDPOINT, _KEY_ID = "FrontApiEndpoint", "ApiKeyId"  # outputs of a dispatch stack


@dataclass(frozen=True)
class Target:
    """What the user said about it; None is "not said"."""

    endpoint: str | None = None
    api_key: str | None = field(default=None, repr=False)
    stack: str | None = None
    region: str | None = None


def connection(
    target: Target, *, environ: Mapping[str, str], home: Home, clients: MakeClient = aws_client
) -> Connection:
    """Return endpoint and key: of the options, else of the environment, else of the system that is up.

    Raises:
        BadRequestOptionError: the options do not go together, there is no such stack.
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
    otherwise, advice = "AWS does not tell its endpoint and key", "Are name, --region and AWS_PROFILE right?"
    try:
        with telling(stack, NoAnswerError, otherwise, advice=advice):
            found = dispatch_stack(stack, clients("cloudformation", region), (_ENDPOINT, _KEY_ID))
            key = clients("apigateway", region).get_api_key(apiKey=found.outputs[_KEY_ID], includeValue=True)
    except NoStackError as exc:
        raise BadRequestOptionError(f"--stack-name: {exc}") from exc
    return found.outputs[_ENDPOINT], key["value"]
