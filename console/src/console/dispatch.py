"""What AWS tells of a dispatch stack, read with the user's own credentials.

It needs `cloudformation:DescribeStacks`, and `lambda:GetFunctionConfiguration` of the validator, which knows
the runtimes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError
from pydantic import TypeAdapter, ValidationError

from console.errors import NoStackError, SettingsError
from s3io.errors import SDK_ERRORS
from task_schema import RuntimeSpec

SUFFIX = "Stack"  # `stackName` of config.yaml plus this is the name of its dispatch stack
_QUEUES = "RuntimeQueues"  # output

#: Makes boto3's client of a service in a region; None is the user's own.
type MakeClient = Callable[[str, str | None], Any]

_RUNTIMES = TypeAdapter(tuple[RuntimeSpec, ...])
_URLS = TypeAdapter(dict[str, str])


@dataclass(frozen=True)
class Dispatch:
    """A dispatch stack; `status` is CloudFormation's word for how it stands."""

    name: str
    status: str
    outputs: Mapping[str, str]

    def queues(self) -> dict[str, str]:
        """Return the URL of each runtime's queue.

        Raises:
            SettingsError: its output cannot be read.
        """
        return _read(_URLS, self.outputs[_QUEUES], f"{self.name}: the output {_QUEUES}")


def aws_client(service: str, region: str | None) -> Any:
    """Make a client of AWS with the user's own credentials."""
    return boto3.client(service, region_name=region)


def dispatch_stack(stack: str, cloudformation: Any, wanted: Iterable[str]) -> Dispatch:
    """Return a dispatch stack by its name, or by the `stackName` of its configuration.

    Raises:
        NoStackError: there is none, or it lacks one of the outputs that are wanted.
        SDK_ERRORS: AWS does not tell.
    """
    described = _described(stack, cloudformation)
    outputs = {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", ())}
    found = Dispatch(described["StackName"], described["StackStatus"], outputs)
    missing = next((name for name in wanted if name not in outputs), None)
    if missing is not None:
        raise NoStackError(
            f"{found.name} is {found.status} and has no output {missing}: it is not a dispatch stack of"
            " Darkroom, or its deployment was not finished"
        )
    return found


def validator_runtimes(aws_lambda: Any, function: str) -> tuple[RuntimeSpec, ...]:
    """Return the runtimes that the validator knows.

    Raises:
        SettingsError: its variable RUNTIMES cannot be read.
        SDK_ERRORS: AWS does not tell.
    """
    told = aws_lambda.get_function_configuration(FunctionName=function)
    text = told.get("Environment", {}).get("Variables", {}).get("RUNTIMES", "")
    return _read(_RUNTIMES, text, f"{function}: the variable RUNTIMES")


@contextmanager
def telling(
    about: str, error: Callable[[str], Exception], otherwise: str, *, advice: str = ""
) -> Iterator[None]:
    """Turn the SDK's errors into another kind, which says what to do about missing credentials.

    Args:
        about: what AWS is asked about.
        error: makes one of that kind.
        otherwise: what does not work where the reason is another one; that follows.
        advice: what to do then.
    """
    try:
        yield
    except (NoCredentialsError, NoRegionError) as exc:
        raise error(
            f"{about}: {_said(exc)}. Set AWS_PROFILE and AWS_REGION, or run `aws configure`; --region names a"
            " region"
        ) from exc
    except SDK_ERRORS as exc:
        raise error(f"{about}: {otherwise}: {_said(exc)}" + (f". {advice}" if advice else "")) from exc


def _said(error: Exception) -> str:
    return str(error).removesuffix(".")


def _described(stack: str, cloudformation: Any) -> dict[str, Any]:
    for name in dict.fromkeys((stack, stack.removesuffix(SUFFIX) + SUFFIX)):
        try:
            found: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as exc:
            if "does not exist" not in str(exc):
                raise
        else:
            return found
    raise NoStackError(
        f"there is no stack {stack} in this account and region. Stacks are named <stackName>{SUFFIX}, with"
        " stackName of config.yaml; ./darkroom deploy makes one"
    )


def _read[T](kind: TypeAdapter[T], text: str, what: str) -> T:
    try:
        return kind.validate_json(text)
    except ValidationError:
        raise SettingsError(
            f"{what} cannot be read: was it deployed with another version?"
            " ./darkroom deploy brings it to this one"
        ) from None
