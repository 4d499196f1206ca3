"""Wherever it is interrupted, the same command goes on there, and makes nothing twice."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from darkroom_cli.deploying.deploy import deploy
from darkroom_cli.deploying.errors import StepError
from darkroom_cli.deploying.fakes import refusal
from darkroom_cli.deploying.options import Options
from darkroom_cli.deploying.ports import Progress, Ran
from darkroom_cli.deploying.testing import BUCKET, Account

STEPS = (
    "role for spot instances",
    "model bucket",
    "model",
    "queue agent's image",
    "image cache",
    "config.yaml",
    "CDK command line",
    "CDK bootstrap",
    "stacks",
    "filters of the queues",
)


def run(account: Account, progress: Progress | None = None) -> None:
    world = account.world
    if progress is not None:
        world = replace(world, progress=progress)
    deploy(Options(account.root / "config.yaml", yes=True), world)


class Interrupts:
    """A `Progress` that stands for Ctrl-C as soon as a step begins."""

    def __init__(self, step: str) -> None:
        self._step = step

    def remark(self, text: str) -> None:
        if text.startswith("· ") and f" {self._step}: " in text:
            raise KeyboardInterrupt

    def warn(self, text: str) -> None:
        """Say nothing."""

    def say(self, text: str) -> None:
        """Say nothing."""

    def detail(self, text: str) -> None:
        """Say nothing."""


class Once:
    """A client one of whose calls fails once, before or after it did what it does."""

    def __init__(self, client: Any, call: str, error: BaseException, *, after: bool) -> None:
        self._client = client
        self._call = call
        self._error: BaseException | None = error
        self._after = after

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)
        if name != self._call or self._error is None:
            return real

        def call(**arguments: Any) -> Any:
            error, self._error = self._error, None
            if self._after:
                real(**arguments)
            if error is not None:
                raise error
            return real(**arguments)

        return call


def check_complete(account: Account) -> None:
    """All is there, and what must not be made twice was made once."""
    s3 = account.clients["s3"]
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == [BUCKET]
    assert set(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(account.clients["iam"].list_roles()["Roles"]) == 1
    assert len(account.cache.built) == 1
    assert account.source.copied == ["Stable-diffusion/v1-5-pruned-emaonly.safetensors"]
    assert account.cache.snapshot in (account.root / "config.yaml").read_text()
    assert set(account.cloudformation.stacks) == {
        "sdoneksStack",
        "sdoneksObservabilityStack",
        "sdoneksClusterStack",
        "sdoneksRuntime-sdruntime",
    }
    assert "FrontApiEndpoint" in account.out.getvalue()


@pytest.mark.parametrize("step", STEPS)
def test_an_interruption_as_a_step_begins_is_resumed(step: str, account: Account) -> None:
    account.programs_work()
    with pytest.raises(KeyboardInterrupt):
        run(account, Interrupts(step))
    run(account)
    check_complete(account)


type Hook = Callable[[Account, BaseException], None]


def of_client(service: str, call: str, *, after: bool) -> Hook:
    def hook(account: Account, error: BaseException) -> None:
        account.clients[service] = Once(account.clients[service], call, error, after=after)

    return hook


def of_program(word: str, *, after: bool) -> Hook:
    def hook(account: Account, error: BaseException) -> None:
        real = account.runner.effects.get(word, lambda: None)

        def effect() -> None:
            account.runner.effects[word] = real
            if after:
                real()
            raise error

        account.runner.effects[word] = effect

    return hook


def of_port(port: str, moment: str) -> Hook:
    def hook(account: Account, error: BaseException) -> None:
        target = getattr(account, port)

        def effect() -> None:
            setattr(target, moment, lambda: None)
            raise error

        setattr(target, moment, effect)

    return hook


HOOKS: dict[str, Hook] = {
    "role, before": of_client("iam", "create_service_linked_role", after=False),
    "role, after": of_client("iam", "create_service_linked_role", after=True),
    "bucket, before": of_client("s3", "create_bucket", after=False),
    "bucket, after": of_client("s3", "create_bucket", after=True),
    "bucket, half made": of_client("s3", "put_public_access_block", after=False),
    "model, before": of_port("source", "before"),
    "model, after": of_port("source", "after"),
    "image, building": of_program("image/build", after=True),
    "image, repository": of_client("ecr", "create_repository", after=True),
    "image, pushing": of_program("docker push", after=False),
    "image, pushed": of_program("push", after=True),
    "snapshot, before": of_port("cache", "before"),
    "snapshot, after": of_port("cache", "after"),
    "npm": of_program("npm ci", after=False),
    "bootstrap, before": of_program("cdk bootstrap", after=False),
    "bootstrap, after": of_program("cdk bootstrap", after=True),
    "stacks, before": of_program("deploy --all", after=False),
    "stacks, after": of_program("deploy --all", after=True),
}


@pytest.mark.parametrize("hook", HOOKS)
def test_ctrl_c_in_the_middle_of_a_step_is_resumed(hook: str, account: Account) -> None:
    account.programs_work()
    HOOKS[hook](account, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run(account)
    run(account)
    check_complete(account)


@pytest.mark.parametrize("hook", ["bucket, half made", "snapshot, before", "stacks, before"])
def test_a_failure_in_the_middle_of_a_step_is_resumed(hook: str, account: Account) -> None:
    account.programs_work()
    HOOKS[hook](account, StepError("the line is dead"))
    with pytest.raises(StepError, match="the line is dead"):
        run(account)
    run(account)
    check_complete(account)


def test_it_says_in_which_step_it_stopped(account: Account) -> None:
    account.programs_work()
    of_program("docker push", after=False)(account, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run(account)
    assert (
        "stopped in step 4/10 queue agent's image; the same command goes on there" in account.err.getvalue()
    )


def test_while_cloudformation_goes_on_by_itself_the_next_call_waits_for_it(account: Account) -> None:
    account.programs_work()
    of_program("deploy --all", after=True)(account, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run(account)
    account.cloudformation.script["sdoneksClusterStack"] = ["CREATE_IN_PROGRESS"] * 3 + ["CREATE_COMPLETE"]
    run(account)
    check_complete(account)
    assert "CREATE_IN_PROGRESS: what is under way is waited for first" in account.err.getvalue()


def test_somebody_who_made_the_role_meanwhile_is_no_trouble(account: Account) -> None:
    account.programs_work()
    taken = refusal("InvalidInput", "CreateServiceLinkedRole", "has been taken")
    of_client("iam", "create_service_linked_role", after=True)(account, taken)
    run(account)
    check_complete(account)


def test_a_program_that_fails_is_tried_again_by_the_next_call(account: Account) -> None:
    account.programs_work()
    account.runner.answers["docker push"] = Ran(1)
    with pytest.raises(StepError, match="pushing the image: docker ended with 1"):
        run(account)
    del account.runner.answers["docker push"]
    run(account)
    check_complete(account)
