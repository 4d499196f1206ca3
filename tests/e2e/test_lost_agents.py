"""Agents that are killed: nothing is lost, and nothing is done twice. Only processes of this very system."""

import os
import signal
from functools import partial

import pytest
from standardwebhooks import Webhook

from local.home import Home
from local.state import read_state
from task_schema import Status
from tests.e2e.receiving import receiving, signing_secret
from tests.e2e.user import (
    COMFY,
    STATIC,
    Json,
    User,
    eventually,
    made_from,
    new_id,
    request,
    text_to_image,
    workflow,
)

MAX_ATTEMPTS = 3
SLOW = 10.0  # seconds of a run, in which its agent is killed: long enough on a busy machine


def ordered(task_id: str, runtime: str) -> Json:
    if runtime == COMFY:
        return request(task_id, workflow(5), runtime=runtime, tasktype="pipeline")
    return request(task_id, text_to_image(5), runtime=runtime)


@pytest.mark.parametrize("runtime", [STATIC, COMFY])
def test_a_task_whose_agent_is_killed_succeeds_once(user: User, home: Home, runtime: str) -> None:
    task_id = new_id("killed")
    user.plan(runtime, {"kind": "slow", "seconds": SLOW})
    user.submit(ordered(task_id, runtime))
    eventually(lambda: user.running(runtime), what="a run")
    agent = f"agent-{runtime}"
    before = read_state(home).processes[agent]
    os.kill(before, signal.SIGKILL)

    told = user.hears(task_id).json
    assert told["result"], told
    [url] = told["image_url"]
    assert made_from(user.picture(url))[:2] == ("a lighthouse, number 5", 5)
    row = user.settled_row(task_id)
    assert (row.status, row.attempts, row.submission) == (Status.SUCCEEDED, 2, told["submission"])
    assert sorted(key.rpartition(".")[2] for key in user.keys(f"e2e/{task_id}/")) == ["out", "png"]
    assert read_state(home).processes[agent] != before
    eventually(lambda: user.queued(user.state.runtimes[runtime].queue_url) == 0, what="an empty queue")
    assert len(user.told.all(lambda heard: heard.id == task_id)) == 1


def test_a_task_that_loses_three_inferences_is_told_as_failed_to_all_who_ask_or_listen(
    user: User, home: Home
) -> None:
    """How soon is what `tests/chaos/lost.py` measures, with the times of a deployment."""
    task_id = new_id("exhausted")
    user.plan(STATIC, {"kind": "slow", "seconds": SLOW, "next": MAX_ATTEMPTS})
    verify = Webhook(signing_secret(user.clients))
    with receiving() as receiver:
        body = ordered(task_id, STATIC)
        body["task"]["metadata"]["callback_url"] = receiver.url
        user.submit(body)
        for attempt in range(1, MAX_ATTEMPTS + 1):
            eventually(partial(_runs, user, task_id, attempt), what=f"run {attempt}")
            os.kill(read_state(home).processes[f"agent-{STATIC}"], signal.SIGKILL)
        told = user.hears(task_id)
        [got] = eventually(lambda: receiver.of(task_id) or None, what="the webhook")
    assert (told.json["result"], told.json["error"]["code"]) == (False, "attempts_exhausted")
    assert verify.verify(got.body, got.headers)["error"] == told.json["error"]
    shown = user.send("GET", f"v1alpha2/tasks/{task_id}").json()
    assert (shown["status"], shown["attempts"]) == ("failed", MAX_ATTEMPTS)
    assert shown["error"] == told.json["error"]
    eventually(lambda: user.queued(user.state.runtimes[STATIC].queue_url) == 0, what="an empty queue")
    assert len(user.told.all(lambda heard: heard.id == task_id)) == 1

    after = new_id("after-exhausted")
    user.submit(ordered(after, STATIC))
    assert user.hears(after).json["result"], "the next task is not harmed"


def _runs(user: User, task_id: str, attempt: int) -> bool:
    row = user.row(task_id)
    return row is not None and row.status is Status.RUNNING and row.attempts == attempt
