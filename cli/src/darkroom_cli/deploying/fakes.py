"""For tests: fakes of what moto lacks, and of what deploying must not touch there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from darkroom_cli.deploying.errors import StepError
from darkroom_cli.deploying.ports import Ran
from darkroom_cli.deploying.stacks import DEPLOYMENT_TAG

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def refusal(code: str, operation: str, message: str = "no") -> ClientError:
    """Return an error of AWS."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class Pages:
    """A paginator with one page."""

    def __init__(self, call: Callable[..., Any]) -> None:
        """Take the call that gives the page."""
        self._call = call

    def paginate(self, **arguments: Any) -> list[Any]:
        """Return the page."""
        return [self._call(**arguments)]


@dataclass
class FakeQuotas:
    """Service Quotas: 64 of everything, unless said otherwise; None is an account that may not ask."""

    values: dict[str, float | None] = field(default_factory=dict)

    def get_service_quota(self, *, ServiceCode: str, QuotaCode: str) -> Any:  # noqa: N803 - AWS' names
        """Return a quota; those of VPC were never raised, so only the default is known."""
        value = self.values.get(QuotaCode, 64.0)
        if value is None:
            raise refusal("AccessDeniedException", "GetServiceQuota")
        if ServiceCode == "vpc":
            raise refusal("NoSuchResourceException", "GetServiceQuota")
        return {"Quota": {"Value": value}}

    def get_aws_default_service_quota(self, *, ServiceCode: str, QuotaCode: str) -> Any:  # noqa: ARG002, N803 - AWS' names
        """Return what everybody has."""
        return {"Quota": {"Value": self.values.get(QuotaCode, 64.0)}}


@dataclass
class FakeLambda:
    """Lambda's account settings."""

    concurrency: int = 1000

    def get_account_settings(self) -> Any:
        """Return them."""
        return {"AccountLimit": {"ConcurrentExecutions": self.concurrency}}


@dataclass
class FakeCloudFormation:
    """Stacks by name, and what is in them by kind."""

    stacks: dict[str, dict[str, Any]] = field(default_factory=dict)
    resources: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    # What `describe_stacks` says next of a stack, before what is in `stacks`.
    script: dict[str, list[str]] = field(default_factory=dict)

    def add(
        self, name: str, status: str = "CREATE_COMPLETE", owner: str | None = "sdoneks", **outputs: str
    ) -> None:
        """Put a stack there."""
        tags = [{"Key": DEPLOYMENT_TAG, "Value": owner}] if owner else []
        told = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
        self.stacks[name] = {"StackName": name, "StackStatus": status, "Tags": tags, "Outputs": told}

    def holds(self, stack: str, kind: str, name: str, changed: datetime = NOW) -> None:
        """Put a resource into a stack."""
        entry = {"ResourceType": kind, "PhysicalResourceId": name, "LastUpdatedTimestamp": changed}
        self.resources.setdefault(stack, []).append(entry)

    def describe_stacks(self, StackName: str | None = None) -> Any:  # noqa: N803 - AWS' name
        """Return stacks, or the one that is named."""
        if StackName is None:
            return {"Stacks": list(self.stacks.values())}
        if StackName not in self.stacks:
            raise refusal("ValidationError", "DescribeStacks", f"Stack with id {StackName} does not exist")
        if coming := self.script.get(StackName):
            status = coming.pop(0)
            if status == "gone":
                del self.stacks[StackName]
                return self.describe_stacks(StackName)
            self.stacks[StackName]["StackStatus"] = status
        return {"Stacks": [self.stacks[StackName]]}

    def list_stack_resources(self, *, StackName: str) -> Any:  # noqa: N803 - AWS' name
        """Return what is in a stack."""
        return {"StackResourceSummaries": self.resources.get(StackName, [])}

    def delete_stack(self, *, StackName: str) -> None:  # noqa: N803 - AWS' name
        """Begin to delete one; it is gone at the second look."""
        self.deleted.append(StackName)
        self.script.setdefault(StackName, ["DELETE_IN_PROGRESS", "gone"])

    def get_paginator(self, name: str) -> Pages:
        """Return a paginator of a call."""
        return Pages(getattr(self, name))


@dataclass
class RecordingRunner:
    """Runs nothing; `effects` do what a program would have done, by a word of its command."""

    calls: list[list[str]] = field(default_factory=list)
    stdin: list[str] = field(default_factory=list)
    env: list[Mapping[str, str]] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    answers: dict[str, Ran] = field(default_factory=dict)
    effects: dict[str, Callable[[], object]] = field(default_factory=dict)

    def which(self, program: str) -> str | None:
        """Return where a program is."""
        return None if program in self.missing else f"/usr/bin/{program}"

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,  # noqa: ARG002 - the port's
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        capture: bool = False,  # noqa: ARG002 - the port's
    ) -> Ran:
        """Remember the call; do what was set for it."""
        line = " ".join(command)
        for word, effect in self.effects.items():
            if word in line:
                effect()
        self.calls.append(list(command))
        self.env.append(dict(env or {}))
        if stdin is not None:
            self.stdin.append(stdin)
        return next((answer for word, answer in self.answers.items() if word in line), Ran(0))

    def ran(self, word: str) -> int:
        """Return how many calls had a word in them."""
        return sum(word in " ".join(call) for call in self.calls)


@dataclass
class FakeClock:
    """Sleeping takes no time."""

    time: datetime = NOW

    def now(self) -> datetime:
        """Return the time."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)


@dataclass
class FakeUser:
    """Gives answers; None: nobody is there."""

    answers: list[str | None] = field(default_factory=lambda: ["y"])
    questions: list[str] = field(default_factory=list)

    def ask(self, question: str) -> str | None:
        """Return the next answer."""
        self.questions.append(question)
        return self.answers.pop(0) if self.answers else None


@dataclass
class FakeCache:
    """A builder of snapshots."""

    make: Callable[[], str]
    snapshot: str = ""
    built: list[tuple[str, ...]] = field(default_factory=list)
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None

    def find(self, images: Sequence[str], *, kubernetes: str, bottlerocket: str) -> str | None:  # noqa: ARG002 - the port's
        """Return what was built with these images."""
        return self.snapshot if tuple(images) in self.built else None

    def build(self, images: Sequence[str], *, kubernetes: str, bottlerocket: str) -> str:  # noqa: ARG002 - the port's
        """Build one."""
        self.before()
        self.snapshot = self.make()
        self.built.append(tuple(images))
        self.after()
        return self.snapshot


@dataclass
class FakeSource:
    """Copies a model of a few bytes."""

    s3: Any = None
    problem: str | None = None
    copied: list[str] = field(default_factory=list)
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None

    def check(self, url: str) -> str | None:  # noqa: ARG002 - the port's
        """Return why it cannot be had, or None."""
        return self.problem

    def copy(self, url: str, *, bucket: str, key: str, sha256: str | None) -> None:  # noqa: ARG002 - the port's
        """Put it into the bucket."""
        self.before()
        if self.problem:
            raise StepError(self.problem)
        self.s3.put_object(Bucket=bucket, Key=key, Body=b"model")
        self.copied.append(key)
        self.after()
