"""Every interleaving of those who write to the tasks table, within the bounds of its scenarios."""

import functools
import os
import sys
import time
from collections import Counter
from dataclasses import replace

import pytest
from task_store_model import telling
from task_store_model.actions import ACTIONS
from task_store_model.explorer import Found
from task_store_model.mutations import MUTATIONS, Mutation
from task_store_model.scenarios import LONG, SHORT
from task_store_model.world import Promise

SCENARIOS = {one.name: one for one in (*SHORT, *(LONG if os.environ.get("DARKROOM_LONG") == "1" else ()))}


@functools.cache
def searched(name: str) -> tuple[Found, float]:
    begun = time.process_time()
    return SCENARIOS[name].search(), time.process_time() - begun


def say(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{text}")


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_promises_hold_in_every_state_and_every_task_can_still_end(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, seconds = searched(name)
    say(telling.line(name, found, seconds), capsys)
    assert found.broken == "", f"{found.broken}\n{telling.trace(found.trace)}"
    assert found.complete


def test_every_action_was_taken_and_each_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    taken: Counter[str] = Counter()
    for name in SCENARIOS:
        taken += searched(name)[0].actions
    say(telling.table(taken), capsys)
    assert ACTIONS - set(telling.actions(taken)) == set()
    if len(SCENARIOS) == len(SHORT):
        assert set(telling.actions(taken)) - ACTIONS == set()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_a_fault_is_found_and_the_way_to_it_told(mutation: Mutation) -> None:
    found = mutation.search.search()
    assert found.promise == mutation.promise, f"{found.broken}\n{telling.trace(found.trace)}"
    assert telling.trace(found.trace).count("\n") == len(found.trace) - 1


def test_the_shortest_way_to_a_fault_reads_like_a_story() -> None:
    mutation = next(one for one in MUTATIONS if one.name == "mark before telling")
    found = mutation.search.search()
    steps = [step.action for step in found.trace]
    assert steps[:3] == ["API: records", "API: publishes", "A: receives s1"]
    assert steps[-2:] == ["A: commits failed", "A: marks as told"]
    assert found.broken == "notified_at comes after telling (s1)"


def test_a_client_that_sends_again_while_the_sweeper_gives_its_task_up_may_be_told_both() -> None:
    """What the code does today, in the moment between the sweeper's seizing and its commit."""
    found = replace(SHORT[3], name="word", word=True).search()
    assert found.promise == Promise.WORD
    assert [step.action for step in found.trace][-3:] == [
        "notifier: seizes",
        "API: marks as published, answers 200",
        "notifier: commits not_published",
    ]
