"""Agents that are killed: nothing is lost, and nothing is done twice. Only processes of this very system."""

import os
import signal

import pytest

from local.home import Home
from local.state import read_state
from task_schema import Status
from tests.e2e.user import (
    COMFY,
    STATIC,
    User,
    eventually,
    made_from,
    new_id,
    request,
    text_to_image,
    workflow,
)


@pytest.mark.parametrize("runtime", [STATIC, COMFY])
def test_a_task_whose_agent_is_killed_succeeds_once(user: User, home: Home, runtime: str) -> None:
    task_id = new_id("killed")
    user.plan(runtime, {"kind": "slow", "seconds": 3.0})
    content = workflow(5) if runtime == COMFY else text_to_image(5)
    tasktype = "pipeline" if runtime == COMFY else "text-to-image"
    user.submit(request(task_id, content, runtime=runtime, tasktype=tasktype))
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
