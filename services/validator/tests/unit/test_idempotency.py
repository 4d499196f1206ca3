"""`Idempotency-Key`: requests that are the same though their bodies are not (DESIGN 4.1)."""

from collections.abc import Callable
from typing import Any

import pytest

from task_schema import MAX_INLINE_CONTENT_BYTES
from validator.errors import UnavailableError

type Body = Callable[..., Any]

LARGE = "x" * MAX_INLINE_CONTENT_BYTES


def older(prompt: str, checkpoint: str = "v1-5") -> dict[str, Any]:
    scripts = {"task": "text-to-image", "sd_model_checkpoint": checkpoint, "id_task": "t"}
    return {"alwayson_scripts": scripts, "prompt": prompt}


def test_an_idempotency_key_brings_back_the_task_whatever_the_body(system: Any, body: Body) -> None:
    first = system.post(body(), Idempotency_Key="k")
    again = system.post(body({"prompt": "A cat"}), idempotency_key="k")
    assert again == first
    assert len(system.topic.messages) == 1
    assert system.post(body({"prompt": "A cat"}), Idempotency_Key="other").status == 409
    assert system.post(body(), Idempotency_Key="other").status == 200


def test_under_its_key_an_unpublished_task_may_get_another_body_but_not_another_place(
    system: Any, body: Body
) -> None:
    system.topic.broken = RuntimeError("broken")
    system.post(body(), Idempotency_Key="k")
    system.topic.broken = None
    assert system.post(body(prefix="elsewhere"), Idempotency_Key="k").status == 409
    assert system.topic.messages == []
    assert system.post(body({"prompt": "A cat"}), Idempotency_Key="k").status == 200
    assert system.topic.messages[0][0]["submission"] == system.task().submission


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ({"callback_url": "https://a.example/"}, {"callback_url": "https://b.example/"}),
        ({}, {"callback_url": "https://b.example/"}),
        ({"context": 1}, {"context": 2}),
        ({"context": "x" * 300}, {"context": "y" * 300}),
        ({"context": "x" * 300}, {}),
        ({}, {"expires_in": 60}),
        ({"expires_in": 60}, {"expires_in": 90}),
    ],
)
def test_under_its_key_an_unpublished_task_keeps_who_is_told_what_and_until_when(
    system: Any, body: Body, first: Any, again: Any
) -> None:
    system.topic.broken = RuntimeError("broken")
    system.post(body(**first), Idempotency_Key="k")
    system.topic.broken = None
    system.now += 5_000
    assert system.post(body({"prompt": "A cat"}, **again), Idempotency_Key="k").status == 409
    assert system.topic.messages == []
    assert system.post(body(**first), Idempotency_Key="k").status == 200


def test_the_key_belongs_to_its_id(system: Any, body: Body) -> None:
    assert system.post(body(), Idempotency_Key="k").status == 200
    assert system.post(body(id="u"), Idempotency_Key="k").status == 200
    assert {message["metadata"]["id"] for message, _ in system.topic.messages} == {"t", "u"}


def test_a_key_does_not_claim_a_task_that_came_without_one(system: Any, body: Body) -> None:
    assert system.post(body()).status == 200
    assert system.post(body({"prompt": "A cat"}), Idempotency_Key="k").status == 409


def test_what_comes_with_a_key_must_still_be_a_task(system: Any, body: Body) -> None:
    assert system.post(body(), Idempotency_Key="k").status == 200
    assert system.post(body({"width": 0}), Idempotency_Key="k").status == 400


def test_v1alpha1_takes_keys_as_v1alpha2_does(system: Any, body: Body) -> None:
    first = system.post(older("A dog"), path="/v1alpha1", Idempotency_Key="k")
    again = system.post(older("A cat"), path="/v1alpha1", Idempotency_Key="k")
    assert (first.status, again) == (200, first)
    other = system.post(body(), Idempotency_Key="k")
    assert (other.status, other.body["runtime"]) == (200, "sdruntime")
    assert len(system.topic.messages) == 1
    assert system.post(older("A cat"), path="/v1alpha1", Idempotency_Key="other").status == 409


def test_v1alpha1_answers_with_the_checkpoint_of_the_task_that_the_key_brings_back(system: Any) -> None:
    first = system.post(older("A dog"), path="/v1alpha1", Idempotency_Key="k")
    again = system.post(older("A dog", "another"), path="/v1alpha1", Idempotency_Key="k")
    assert first.body["sd_model_checkpoint"] == "v1-5"
    assert again.body["sd_model_checkpoint"] == "v1-5.safetensors"
    assert system.task().runtime == "sdruntime"


def _publish_fails(system: Any) -> None:
    system.topic.broken = UnavailableError("no answer")


def _answer_is_lost(system: Any) -> None:
    system.topic.lost = True


def _table_is_gone(system: Any) -> None:
    system.store.available = False


def _mark_is_lost(system: Any) -> None:
    system.store.forgets = True


def _bucket_is_gone(system: Any) -> None:
    system.payloads.broken = UnavailableError("no answer")


CRASHES = [_publish_fails, _answer_is_lost, _table_is_gone, _mark_is_lost, _bucket_is_gone]


@pytest.mark.parametrize("crash", CRASHES, ids=lambda crash: crash.__name__.strip("_"))
@pytest.mark.parametrize("path", ["/v1alpha2", "/v1alpha1"])
def test_wherever_the_first_try_breaks_off_the_next_makes_one_task_of_both(
    system: Any, body: Body, crash: Callable[[Any], None], path: str
) -> None:
    def send(prompt: str) -> Any:
        sent = older(prompt) if path == "/v1alpha1" else body({"prompt": prompt})
        return system.post(sent, path=path, Idempotency_Key="k")

    crash(system)
    assert send(LARGE + "1").status == 503
    system.topic.broken, system.topic.lost = None, False
    system.store.available, system.store.forgets, system.payloads.broken = True, False, None
    assert send(LARGE + "2").status == 200
    assert send(LARGE + "3").status == 200
    task = system.task()
    assert task.published_at is not None
    assert {message["submission"] for message, _ in system.topic.messages} == {task.submission}
    message, _ = system.topic.messages[-1]
    assert system.payloads.objects[message["content_ref"]]["prompt"][-1] == "2"
