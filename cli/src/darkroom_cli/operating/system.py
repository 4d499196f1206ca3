"""The system that a command is about: one that is up on this machine, or a stack in AWS."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from console import dispatch
from console.dispatch import SUFFIX, Dispatch, MakeClient, aws_client, dispatch_stack, validator_runtimes
from console.errors import NoStackError, SettingsError
from darkroom_cli.endpoints import ENDPOINT_VARIABLE, Target, stack_of
from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.operating.errors import AwsError
from darkroom_client import Connection
from local.clients import Clients
from local.home import Home
from local.state import State, read_state
from task_schema import Deployment, RuntimeSpec

LOCAL_STACK = "sdoneksStack"  # what the local system's own configuration calls it
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
        return self.stack.removesuffix(SUFFIX)

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


def meant(target: Target, *, environ: Mapping[str, str], home: Home) -> System:
    """Return the system that options or the environment mean, with its stack.

    Raises:
        BadRequestOptionError: the options do not go together, or they name an API alone.
        CliError, NotUpError: see `find_system`.
    """
    stack = stack_of(target, environ=environ)
    if stack is None and (target.endpoint or target.api_key or environ.get(ENDPOINT_VARIABLE)):
        raise BadRequestOptionError(
            f"an endpoint alone, as in {ENDPOINT_VARIABLE}, is not enough: name the stack by --stack-name"
        )
    return find_system(stack, target.region, home=home)


def find_system(
    stack: str | None, region: str | None, *, home: Home, clients: MakeClient = aws_client
) -> System:
    """Return the system that a stack is, or else the one that is up here.

    Raises:
        NotUpError: no stack was named, and no system is up.
        BadRequestOptionError: there is no such stack, or it is none of Darkroom's.
        AwsError: AWS does not tell, or not what this version understands.
    """
    if stack is None:
        if region is not None:
            raise BadRequestOptionError("--region goes with --stack-name")
        return _local(read_state(home))

    @cache
    def aws(service: str) -> Any:
        return clients(service, region)

    with telling(stack), _understood():
        found = dispatch_stack(stack, aws("cloudformation"), _WANTED)
        key = aws("apigateway").get_api_key(apiKey=found.outputs["ApiKeyId"], includeValue=True)["value"]
        return _system(found, aws, Connection(found.outputs["FrontApiEndpoint"], key))


def _local(state: State) -> System:
    aws = Clients(state.aws_url).client
    with telling(LOCAL_STACK), _understood():
        found = dispatch_stack(LOCAL_STACK, aws("cloudformation"), _WANTED)
        return _system(found, aws, Connection(state.endpoint, state.api_key), state)


@contextmanager
def telling(about: str) -> Iterator[None]:
    """Turn boto3's errors into the command's own.

    Raises:
        AwsError: says what AWS said, and what to do where that is known.
    """
    with dispatch.telling(about, AwsError, "AWS does not do what was asked"):
        yield


@contextmanager
def _understood() -> Iterator[None]:
    """Turn what is wrong with a stack into the command's own errors."""
    try:
        yield
    except NoStackError as exc:
        raise BadRequestOptionError(f"--stack-name: {exc}") from exc
    except SettingsError as exc:
        raise AwsError(str(exc)) from exc


def _system(found: Dispatch, aws: Aws, connection: Connection, state: State | None = None) -> System:
    runtimes = validator_runtimes(aws("lambda"), found.outputs["ValidatorFunctionName"])
    return System(
        stack=found.name,
        stack_status=found.status,
        connection=connection,
        deployment=Deployment(runtimes=runtimes),
        outputs=found.outputs,
        queues=found.queues(),
        aws=aws,
        state=state,
    )
