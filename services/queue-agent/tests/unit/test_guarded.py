"""An adapter that trips does not trip up the agent."""

import logging
from collections.abc import Mapping, Sequence

import pytest

from queue_agent.errors import AgentError, TaskFailedError
from queue_agent.guarded import AdapterError, GuardedRuntime
from queue_agent.ports import Freed, InputLink, Job, Progress, Result, unheard
from s3io.inputs import FetchedInput
from task_schema import TaskCode

JOB = Job(id="t", submission="s", attempt="a", tasktype="text-to-image", content={"prompt": "a secret"})


class Raising:
    task_types = frozenset({"text-to-image"})

    def __init__(self, error: Exception) -> None:
        self._error = error

    def links(self, job: Job) -> Sequence[InputLink]:
        raise self._error

    async def prepare(self, job: Job, inputs: Mapping[InputLink, FetchedInput]) -> Job:
        raise self._error

    async def ready(self) -> bool:
        raise self._error

    def has_loaded(self, job: Job) -> bool:
        raise self._error

    async def run(self, job: Job, progress: Progress, freed: Freed = unheard) -> Result:
        raise self._error

    async def interrupt(self, job: Job) -> bool:
        raise self._error

    async def aclose(self) -> None:
        """Nothing to close."""


async def test_what_the_port_does_not_know_becomes_an_error_of_the_agent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    guarded = GuardedRuntime(Raising(KeyError("a secret")))
    with pytest.raises(AdapterError) as raised:
        await guarded.run(JOB, lambda _: None)
    assert str(raised.value) == "internal error (KeyError)"
    with pytest.raises(AdapterError):
        await guarded.prepare(JOB, {})
    with pytest.raises(AdapterError):
        guarded.links(JOB)
    assert [getattr(record, "call", None) for record in caplog.records] == ["run", "prepare", "links"]


async def test_errors_of_the_port_pass_as_they_are_and_are_not_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = TaskFailedError(TaskCode.BAD_GRAPH, "no such node")
    with pytest.raises(AgentError) as raised:
        await GuardedRuntime(Raising(error)).run(JOB, lambda _: None)
    assert raised.value is error
    assert caplog.records == []


@pytest.mark.parametrize("error", [RuntimeError("x"), AgentError("y")])
async def test_questions_that_get_no_answer_have_a_careful_one(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    guarded = GuardedRuntime(Raising(error))
    with caplog.at_level(logging.CRITICAL):
        assert await guarded.ready() is False
        assert await guarded.interrupt(JOB) is False
        assert guarded.has_loaded(JOB) is True
