"""Runtimes that answer wrong in the recorded ways: the user is told the truth.

Never success without a picture, never another task's picture, never another model's.
"""

import base64
from dataclasses import dataclass, field
from typing import Any

import pytest

from task_schema import Status
from tests.e2e.user import (
    COMFY,
    DYNAMIC,
    STATIC,
    STATIC_MODEL,
    Json,
    User,
    eventually,
    made_from,
    new_id,
    request,
    text_to_image,
    workflow,
)

MODELS = ("v1-5-pruned-emaonly.safetensors", "sd_xl_base_1.0.safetensors", "dreamshaper_8.safetensors")


@dataclass(frozen=True)
class Case:
    """What a runtime does wrong, and what the user is told."""

    name: str
    runtime: str
    faults: tuple[Json, ...] = ()
    content: Json = field(default_factory=dict)
    attempts: int = 1


RECOVERED = (
    # The runtime's fault, and the next attempt is good.
    Case("an internal error", STATIC, ({"kind": "http_500"},), attempts=2),
    Case("a cut connection", STATIC, ({"kind": "cut_connection"},), attempts=2),
    Case("a run that somebody interrupted", STATIC, ({"kind": "interrupted"},), attempts=2),
    Case("a picture missing", STATIC, ({"kind": "partial_outputs"},), {"batch_size": 2}, attempts=2),
    Case("half of its JSON", STATIC, ({"kind": "garbage_json"},), attempts=2),
    Case("a restart", STATIC, ({"kind": "restart", "seconds": 0.5},), attempts=2),
    Case("no memory once", STATIC, ({"kind": "oom"},), attempts=2),
    Case("another model's picture", STATIC, ({"kind": "wrong_model"},), attempts=2),
    Case("a late answer", STATIC, ({"kind": "slow_headers", "seconds": 1.0},)),
    Case("an answer that was lost", COMFY, ({"kind": "cut_connection"},)),
    Case("a late history", COMFY, ({"kind": "history_late", "seconds": 1.5},)),
    Case("a silent websocket", COMFY, ({"kind": "deaf_websocket"},)),
    Case("a cut websocket", COMFY, ({"kind": "cut_websocket"},)),
    Case("half of its history", COMFY, ({"kind": "garbage_json"},)),
    Case("a run that somebody interrupted", COMFY, ({"kind": "interrupted"},), attempts=2),
    Case("a restart", COMFY, ({"kind": "restart", "seconds": 0.5},), attempts=2),
    Case("no memory once", COMFY, ({"kind": "oom"},), attempts=2),
)


@dataclass(frozen=True)
class Failure:
    """What a runtime does, the content that makes it do so, and the code that the user is told."""

    name: str
    runtime: str
    code: str
    words: str
    faults: tuple[Json, ...] = ()
    content: Json = field(default_factory=dict)
    attempts: int = 1
    retryable: bool = False


NO_PICTURE = base64.b64encode(b"this is no picture").decode()
OOM_THRICE = ({"kind": "oom", "next": 3},)
FAILED = (
    # The caller's fault: told at once, with what the runtime said.
    Failure("a refusal", STATIC, "runtime_refused", "nowhere", content={"alwayson_scripts": {"nowhere": {}}}),
    Failure(
        "an internal error that is the caller's",
        STATIC,
        "runtime_refused",
        "size",
        content={"width": 8, "height": 4},
    ),
    Failure("no pictures", STATIC, "no_output", "picture", ({"kind": "no_images"},)),
    Failure("no memory ever", STATIC, "out_of_memory", "memory", OOM_THRICE, attempts=3, retryable=True),
    Failure(
        "another model's picture each time",
        STATIC,
        "attempts_exhausted",
        "used model",
        ({"kind": "wrong_model", "next": 3},),
        attempts=3,
        retryable=True,
    ),
    Failure("no outputs", COMFY, "no_output", "output", ({"kind": "no_images"},)),
    Failure("half of the outputs", COMFY, "runtime_refused", "on purpose", ({"kind": "partial_outputs"},)),
    Failure("no such model", COMFY, "unknown_model", "ckpt_name", ({"kind": "wrong_model"},)),
    Failure("an internal error that is the caller's", COMFY, "bad_graph", "500", ({"kind": "http_500"},)),
    Failure("no memory ever", COMFY, "out_of_memory", "memory", OOM_THRICE, attempts=3, retryable=True),
)


def submit(user: User, about: str, runtime: str, seed: int, content: Json) -> str:
    """Submit a task with a prompt and a seed of its own; return its id."""
    task_id = new_id(about)
    if runtime == COMFY:
        user.submit(request(task_id, {**workflow(seed), **content}, runtime=runtime, tasktype="pipeline"))
    else:
        user.submit(request(task_id, text_to_image(seed, **content), runtime=runtime))
    return task_id


def named(case: Any) -> str:
    return f"{case.runtime}: {case.name}"


@pytest.mark.parametrize("case", RECOVERED, ids=named)
def test_a_runtime_that_answers_wrong_once_costs_an_attempt_and_the_picture_is_the_tasks_own(
    user: User, case: Case
) -> None:
    seed = 1000 + RECOVERED.index(case)
    user.plan(case.runtime, *case.faults)
    task_id = submit(user, "wrong-once", case.runtime, seed, case.content)
    told = user.hears(task_id).json
    assert told["result"], told
    ordered = case.content.get("batch_size", 1)
    assert len(told["image_url"]) == ordered
    for number, url in enumerate(told["image_url"]):
        expected = (f"a lighthouse, number {seed}", seed + number, STATIC_MODEL)
        assert made_from(user.picture(url)) == expected
    row = user.settled_row(task_id)
    assert (row.status, row.attempts) == (Status.SUCCEEDED, case.attempts)
    pictures = [key for key in user.keys(f"e2e/{task_id}/") if key.endswith(".png")]
    assert len(pictures) == ordered, "an attempt that was lost leaves nothing"


@pytest.mark.parametrize("case", FAILED, ids=named)
def test_a_runtime_that_cannot_do_a_task_ends_it_with_code_and_reason(user: User, case: Failure) -> None:
    user.plan(case.runtime, *case.faults)
    task_id = submit(user, "cannot", case.runtime, 2000 + FAILED.index(case), case.content)
    heard = user.hears(task_id)
    told = heard.json
    assert (told["result"], told["status"], told["image_url"]) == (False, "failed", [])
    assert heard.attributes["result"] == "false"
    assert told["error"]["code"] == case.code, told["error"]
    assert case.words in told["error"]["message"]
    assert told["error"]["retryable"] is case.retryable
    row = user.settled_row(task_id)
    assert (row.status, row.attempts) == (Status.FAILED, case.attempts)
    assert row.error is not None
    assert row.error.model_dump(mode="json") == told["error"]
    assert not [key for key in user.keys(f"e2e/{task_id}/") if key.endswith(".png")]


def test_the_same_workflow_twice_makes_two_files_of_two_tasks(user: User) -> None:
    """ComfyUI answers a workflow that it has run before from its cache, naming the old file."""
    ids = [submit(user, "cached", COMFY, 77, {}) for _ in range(2)]
    told = [user.hears(task_id).json for task_id in ids]
    assert all(each["result"] for each in told), told
    urls = [url for each in told for url in each["image_url"]]
    assert len(set(urls)) == 2
    for task_id, url in zip(ids, urls, strict=True):
        assert f"/{task_id}/" in url
        assert made_from(user.picture(url)) == ("a lighthouse, number 77", 77, STATIC_MODEL)


def test_a_half_done_picture_of_an_interrupted_run_is_never_delivered(user: User) -> None:
    """SD Web UI answers an interrupted run with 200 and a picture that is not finished."""
    good = submit(user, "whole", STATIC, 88, {})
    whole = user.picture(user.hears(good).json["image_url"][0]).tobytes()
    user.plan(STATIC, {"kind": "interrupted", "at": 0.25})
    task_id = submit(user, "interrupted", STATIC, 88, {})
    told = user.hears(task_id).json
    assert told["result"], told
    assert user.picture(told["image_url"][0]).tobytes() == whole


def test_tasks_that_follow_one_another_never_get_each_others_pictures(user: User) -> None:
    """With faults in between, on both runtimes, all submitted at once."""
    user.plan(STATIC, {"kind": "cut_connection", "after": 1}, {"kind": "interrupted", "after": 1})
    user.plan(COMFY, {"kind": "interrupted", "after": 1}, {"kind": "history_late", "after": 1})
    tasks = {
        submit(user, "row", runtime, seed, {}): seed
        for seed in range(3000, 3006)
        for runtime in (STATIC, COMFY)
    }
    for task_id, seed in tasks.items():
        told = user.hears(task_id).json
        assert told["result"], told
        assert made_from(user.picture(told["image_url"][0])) == (
            f"a lighthouse, number {seed}",
            seed,
            STATIC_MODEL,
        )
    assert len({url for task_id in tasks for url in user.hears(task_id).json["image_url"]}) == len(tasks)


def test_a_dynamic_runtime_switches_models_and_each_picture_is_made_by_its_own(user: User) -> None:
    for seed, model in enumerate((MODELS[2], MODELS[1], MODELS[1], MODELS[0]), 4000):
        task_id = submit(user, "model", DYNAMIC, seed, {"alwayson_scripts": {"sd_model_checkpoint": model}})
        told = user.hears(task_id).json
        assert told["result"], told
        assert made_from(user.picture(told["image_url"][0])) == (f"a lighthouse, number {seed}", seed, model)


def test_a_dynamic_runtime_keeps_its_model_where_none_is_named(user: User) -> None:
    scripts = {"alwayson_scripts": {"sd_model_checkpoint": MODELS[1]}}
    user.hears(submit(user, "choose", DYNAMIC, 1, scripts))
    told = user.hears(submit(user, "keep", DYNAMIC, 2, {})).json
    assert made_from(user.picture(told["image_url"][0])) == ("a lighthouse, number 2", 2, MODELS[1])


def test_a_model_that_a_dynamic_runtime_lacks_is_found_before_the_run(user: User) -> None:
    generated = [job for job in user.jobs(DYNAMIC) if job["kind"] == "txt2img"]
    content = {"alwayson_scripts": {"sd_model_checkpoint": "nowhere.safetensors"}}
    told = user.hears(submit(user, "lacking", DYNAMIC, 1, content)).json
    assert (told["result"], told["error"]["code"]) == (False, "unknown_model")
    assert "nowhere.safetensors" in told["error"]["message"]
    assert [job for job in user.jobs(DYNAMIC) if job["kind"] == "txt2img"] == generated


def test_a_dynamic_runtime_that_paints_with_another_model_is_not_believed(user: User) -> None:
    user.plan(DYNAMIC, {"kind": "wrong_model"})
    task_id = submit(user, "other", DYNAMIC, 5, {"alwayson_scripts": {"sd_model_checkpoint": MODELS[2]}})
    told = user.hears(task_id).json
    assert made_from(user.picture(told["image_url"][0])) == ("a lighthouse, number 5", 5, MODELS[2])
    assert user.settled_row(task_id).attempts == 2


def test_an_input_that_is_not_there_fails_the_task_and_names_the_link(user: User) -> None:
    task_id = new_id("no-input")
    content = text_to_image(1, init_images=["http://127.0.0.1:9/cat.png?token=secret"])
    user.submit(request(task_id, content, tasktype="image-to-image"))
    told = user.hears(task_id).json
    assert told["error"]["code"] == "input_unreachable"
    assert "http://127.0.0.1:9/cat.png" in told["error"]["message"]
    assert "secret" not in told["error"]["message"]


def test_an_input_at_a_private_address_is_refused(user: User) -> None:
    task_id = new_id("private-input")
    content = text_to_image(1, init_images=["http://169.254.169.254/latest/meta-data/"])
    user.submit(request(task_id, content, tasktype="image-to-image"))
    told = user.hears(task_id).json
    assert told["error"]["code"] == "input_refused"


def test_an_input_that_is_no_picture_is_told_as_such(user: User) -> None:
    task_id = new_id("no-picture")
    user.submit(request(task_id, text_to_image(1, init_images=[NO_PICTURE]), tasktype="image-to-image"))
    told = user.hears(task_id).json
    assert (told["result"], told["error"]["code"]) == (False, "runtime_refused")
    assert "image" in told["error"]["message"]
    eventually(lambda: not user.running(STATIC), what="an idle runtime")
