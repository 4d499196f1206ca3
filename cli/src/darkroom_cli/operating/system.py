"""The system that a command is about: one that is up on this machine, or a stack in AWS."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError
from pydantic import ValidationError

from darkroom_cli.endpoints import MakeClient, aws_client
from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.operating.errors import AwsError
from darkroom_client import Connection
from local.clients import Clients
from local.home import Home
from local.state import State, read_state
from task_schema import Deployment, RuntimeSpec

LOCAL_STACK = "sdoneksStack"  # what the local system's own configuration calls it
_SUFFIX = "Stack"
_WANTED = (
    "FrontApiEndpoint",
    "ApiKeyId",
    "TasksTable",
    "RuntimeQueues",
    "UnroutedQueueUrl",
    "ValidatorFunctionName",
    "sdNotificationLambdaARN",
)

type Aws = Callable[[str], Any]


@dataclass(frozen=True)
class System:
    """A deployment, and how to reach what it is made of.

    Attributes:
        stack: name of its dispatch stack.
        stack_status: CloudFormation's word for how that stands.
        connection: endpoint and key of its API.
        deployment: its runtimes, as its own validator knows them.
        outputs: of the dispatch stack.
        queues: URL of each runtime's queue.
        aws: makes boto3's clients for it.
        state: what the local system says of itself; None in the cloud.
    """

    stack: str
    stack_status: str
    connection: Connection
    deployment: Deployment
    outputs: Mapping[str, str]
    queues: Mapping[str, str]
    aws: Aws
    state: State | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return "the local system" if self.state is not None else self.stack

    @property
    def base(self) -> str:
        """The `stackName` of its configuration, which its other stacks are named after."""
        return self.stack.removesuffix(_SUFFIX)

    @property
    def options(self) -> str:
        """What has to be said to mean this system in another command, with a blank before it."""
        return "" if self.state is not None else f" --stack-name {self.stack}"

    def output(self, name: str) -> str:
        """Return an output of the dispatch stack that not every version of it has.

        Raises:
            BadRequestOptionError: it has none of that name.
        """
        value = self.outputs.get(name)
        if value is None:
            raise BadRequestOptionError(f"{self.name} has no output {name}: deploy it again")
        return value

    def runtimes(self, names: tuple[str, ...]) -> tuple[RuntimeSpec, ...]:
        """Return the runtimes of these names, or all.

        Raises:
            BadRequestOptionError: there is no such runtime.
        """
        known = {spec.name: spec for spec in self.deployment.runtimes}
        for name in names:
            if name not in known:
                raise BadRequestOptionError(
                    f"--runtime: {self.name} has no {name!r}; it has {', '.join(known)}"
                )
        return tuple(known[name] for name in names or known)


def find_system(
    stack: str | None, region: str | None, *, home: Home, clients: MakeClient = aws_client
) -> System:
    """Return the system that a stack is, or else the one that is up here.

    Raises:
        NotUpError: no stack was named, and no system is up.
        BadRequestOptionError: there is no such stack, or it is none of Darkroom's.
        AwsError: AWS does not tell.
    """
    if stack is None:
        if region is not None:
            raise BadRequestOptionError("--region goes with --stack-name")
        state = read_state(home)
        local = Clients(state.aws_url).client
        with telling(LOCAL_STACK):
            described = _described(LOCAL_STACK, local)
            connection = Connection(state.endpoint, state.api_key)
            return _system(described, local, connection, state)

    @cache
    def aws(service: str) -> Any:
        return clients(service, region)

    with telling(stack):
        described = _described(stack, aws)
        outputs = _outputs(described)
        key = aws("apigateway").get_api_key(apiKey=outputs["ApiKeyId"], includeValue=True)["value"]
        return _system(described, aws, Connection(outputs["FrontApiEndpoint"], key), None)


@contextmanager
def telling(about: str) -> Iterator[None]:
    """Turn boto3's errors into the command's own.

    Raises:
        AwsError: says what AWS said, and what to do where that is known.
    """
    try:
        yield
    except (NoCredentialsError, NoRegionError) as exc:
        raise AwsError(
            f"{about}: {exc}. Set AWS_PROFILE and AWS_REGION, or run `aws configure`; --region names a region"
        ) from exc
    except (BotoCoreError, ClientError) as exc:
        raise AwsError(f"{about}: AWS does not do what was asked: {exc}") from exc


def _described(stack: str, aws: Aws) -> dict[str, Any]:
    """Return what CloudFormation says of a stack; `sdoneks` means `sdoneksStack` too, as in `config.yaml`."""
    cloudformation = aws("cloudformation")
    for name in dict.fromkeys((stack, stack if stack.endswith(_SUFFIX) else stack + _SUFFIX)):
        try:
            found: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as exc:
            if "does not exist" not in str(exc):
                raise
        else:
            return found
    raise BadRequestOptionError(
        f"--stack-name: there is no stack {stack} in this account and region. Stacks are named"
        " <stackName>Stack, with stackName of config.yaml; ./darkroom deploy makes one"
    )


def _outputs(described: dict[str, Any]) -> dict[str, str]:
    outputs = {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", ())}
    missing = [name for name in _WANTED if name not in outputs]
    if missing:
        raise BadRequestOptionError(
            f"--stack-name: {described['StackName']} is {described['StackStatus']} and has no output"
            f" {missing[0]}: it is not a dispatch stack of Darkroom, or its deployment was not finished"
        )
    return outputs


def _system(described: dict[str, Any], aws: Aws, connection: Connection, state: State | None) -> System:
    outputs = _outputs(described)
    function = aws("lambda").get_function_configuration(FunctionName=outputs["ValidatorFunctionName"])
    runtimes = function.get("Environment", {}).get("Variables", {}).get("RUNTIMES", "")
    try:
        deployment = Deployment(runtimes=tuple(RuntimeSpec(**one) for one in json.loads(runtimes)))
    except (ValueError, TypeError, ValidationError) as exc:
        raise AwsError(
            f"{described['StackName']}: the validator's variable RUNTIMES cannot be read. Deploy again"
        ) from exc
    return System(
        stack=described["StackName"],
        stack_status=described["StackStatus"],
        connection=connection,
        deployment=deployment,
        outputs=outputs,
        queues=json.loads(outputs["RuntimeQueues"]),
        aws=aws,
        state=state,
    )
