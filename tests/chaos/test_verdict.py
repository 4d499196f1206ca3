"""The judge itself: evidence that is made up, with one thing wrong each time."""

import io
import json
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from tests.chaos.orders import Coloured, Order, Orders, Painted, one_colour
from tests.chaos.submitting import Books
from tests.chaos.verdict import Evidence, Judge, Verdict, difference
from tests.chaos.witness import Write
from tests.e2e.listening import Heard

MODEL = "v1-5-pruned-emaonly.safetensors"
GOOD = Order(1, "a", "sdruntime", "text-to-image", {}, pictures=(Painted("a dog", 5, MODEL),), kind="good")
BAD = Order(2, "b", "sdruntime", "text-to-image", {}, codes=frozenset({"runtime_refused"}), kind="bad")


def picture(
    prompt: str = "a dog", seed: int = 5, model: str = "v1-5-pruned-emaonly", more: str = ""
) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", f"{prompt}\nSteps: 4, Seed: {seed}, Model: {model}{more}, Version: x")
    packed = io.BytesIO()
    Image.new("RGB", (8, 8)).save(packed, "PNG", pnginfo=info)
    return packed.getvalue()


class Bucket:
    """An S3 client with some objects."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def client(self, service: str) -> "Bucket":
        return self

    def get_paginator(self, operation: str) -> "Bucket":
        return self

    def paginate(self, **which: str) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": key} for key in self.objects]}]

    def get_object(self, **which: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[which["Key"]])}


def write(order: Order, status: str, **more: Any) -> Write:
    row = Write(order.id, f"s-{order.id}", status, 0, None, None, None, 1, None)
    return replace(row, **more)


def life(order: Order) -> list[Write]:
    end = "failed" if order.codes else "succeeded"
    return [
        write(order, "queued"),
        write(order, "running", token="t", attempts=1),
        write(order, end, event_id="e", attempts=1),
        write(order, end, event_id="e", attempts=1, notified_at=2),
    ]


def notification(order: Order, **more: Any) -> Heard:
    good = not order.codes
    body = {
        "id": order.id,
        "result": good,
        "status": "succeeded" if good else "failed",
        "submission": f"s-{order.id}",
        "context": {"order": order.number},
        "image_url": ["s3://out/chaos/a/a-abcd-1.png"] if good else [],
        "output_url": "s3://out/chaos/a/a-abcd.out" if good else None,
        **({} if good else {"error": {"code": "runtime_refused"}}),
        **more,
    }
    attributes = {"id": order.id, "submission": body["submission"], "event_id": "e"}
    return Heard(json.dumps(body), attributes, 0.0)


class World:
    """Two orders that were served as they should be; tests spoil it."""

    def __init__(self) -> None:
        self.books = Books(accepted=[GOOD, BAD], answers=Counter({"200": 2}))
        self.submissions = {"s-a": life(GOOD), "s-b": life(BAD)}
        self.told = [notification(GOOD), notification(BAD)]
        self.objects = {"chaos/a/a-abcd-1.png": picture(), "chaos/a/a-abcd.out": b"{}"}
        self.left = {"queue": 0}

    def judged(self, *, sweeper: bool = False) -> Verdict:
        stage: Any = SimpleNamespace(clients=Bucket(self.objects), stack=SimpleNamespace(output_bucket="out"))
        evidence = Evidence([GOOD, BAD], self.books, self.submissions, self.told, [], self.left)
        return Judge(stage, evidence, sweeper=sweeper).judge()


@pytest.fixture
def world() -> World:
    return World()


def broken(verdict: Verdict) -> set[str]:
    return {name for name, found in verdict.findings.items() if found}


def test_a_world_without_a_fault_is_good(world: World) -> None:
    verdict = world.judged()
    assert broken(verdict) == set()
    assert verdict.good
    assert "every promise was kept" in verdict.table()


def test_a_notification_may_come_twice(world: World) -> None:
    world.told *= 2
    assert world.judged().good


def test_an_accepted_task_that_never_ends_is_found(world: World) -> None:
    del world.submissions["s-a"][2:], world.told[0]
    assert broken(world.judged()) == {"submissions without an end", "accepted, and never heard of"}


def test_one_that_was_never_published_is_left_to_the_sweeper(world: World) -> None:
    world.submissions["s-c"] = [write(replace(GOOD, id="c"), "queued", published_at=None)]
    assert world.judged().good
    assert broken(world.judged(sweeper=True)) == {"submissions without an end"}


def test_an_end_that_changes_is_found(world: World) -> None:
    world.submissions["s-a"].append(write(GOOD, "succeeded", event_id="other", notified_at=3))
    assert broken(world.judged()) == {"ends that changed"}


def test_a_task_that_runs_again_after_its_end_is_found(world: World) -> None:
    world.submissions["s-a"][3:3] = [write(GOOD, "running", token="u", attempts=2)]
    assert broken(world.judged()) == {"ends that changed"}


def test_a_silent_end_is_found(world: World) -> None:
    del world.submissions["s-b"][3], world.told[1]
    assert broken(world.judged()) == {
        "ended, and nobody was told",
        "ended, and not heard of",
        "accepted, and never heard of",
    }


def test_two_outcomes_are_found(world: World) -> None:
    world.told.append(notification(GOOD, result=False, status="failed", error={"code": "internal"}))
    assert broken(world.judged()) == {"two outcomes told", "told otherwise than the table says"}


def test_a_failure_without_a_reason_is_found(world: World) -> None:
    world.told[0] = notification(
        GOOD, result=False, image_url=[], status="failed", error={"code": "internal"}
    )
    world.submissions["s-a"][2:] = [write(GOOD, "failed", event_id="e", notified_at=2, attempts=1)]
    assert broken(world.judged()) == {"failed without a reason"}


@pytest.mark.parametrize(("attempts", "found"), [(3, set()), (2, {"failed without a reason"})])
def test_three_lost_inferences_are_a_reason_and_two_are_not(
    world: World, attempts: int, found: set[str]
) -> None:
    error = {"code": "attempts_exhausted"}
    world.told[0] = notification(GOOD, result=False, image_url=[], status="failed", error=error)
    world.submissions["s-a"][2:] = [write(GOOD, "failed", event_id="e", notified_at=2, attempts=attempts)]
    assert broken(world.judged()) == found


def test_a_success_that_cannot_be_is_found(world: World) -> None:
    world.told[1] = notification(BAD, result=True, status="succeeded", error=None)
    world.submissions["s-b"][2:] = [write(BAD, "succeeded", event_id="e", notified_at=2)]
    assert broken(world.judged()) == {"succeeded where it could not"}


def test_a_missing_picture_is_found(world: World) -> None:
    del world.objects["chaos/a/a-abcd.out"]
    assert broken(world.judged()) == {"pictures missing"}
    world.told[0] = notification(GOOD, image_url=[], output_url=None)
    assert broken(world.judged()) == {"pictures missing"}


@pytest.mark.parametrize(
    "data",
    [
        picture(prompt="a cat"),
        picture(seed=6),
        picture(model="other"),
        picture(more=", Clip skip: 2"),
        b"no picture",
    ],
)
def test_a_picture_of_another_task_is_found(world: World, data: bytes) -> None:
    world.objects["chaos/a/a-abcd-1.png"] = data
    assert broken(world.judged()) == {"pictures of another task"}


def test_one_picture_told_for_two_tasks_is_found(world: World) -> None:
    world.told[1] = notification(BAD, image_url=["s3://out/chaos/a/a-abcd-1.png"])
    assert broken(world.judged()) == {"pictures told twice"}


def test_what_is_left_in_queues_is_found_and_what_nobody_asked_for_is_counted(world: World) -> None:
    world.left["queue"] = 1
    world.objects["chaos/a/a-zzzz-1.png"] = picture()
    verdict = world.judged()
    assert broken(verdict) == {"left in queues"}
    assert verdict.counts["objects nobody was told of"] == "1"
    assert "PROMISES WERE BROKEN" in verdict.table()


def test_a_good_order_that_is_refused_is_found(world: World) -> None:
    world.books.refused.append((GOOD, "bad_value"))
    assert broken(world.judged()) == {"good orders refused"}


def test_pictures_of_one_colour_are_known_by_it() -> None:
    data = one_colour((10, 20, 30))
    assert difference(data, Coloured((11, 20, 29), (16, 16))) is None
    assert difference(data, Coloured((30, 20, 30), (16, 16)))
    assert difference(data, Coloured((10, 20, 30), (32, 32)))


def test_a_seed_makes_the_same_orders_and_ids_are_used_twice_at_most() -> None:
    first, again, other = (list(Orders(seed, "http://x", "r").make(500)) for seed in (1, 1, 2))
    assert first == again != other
    assert max(Counter(order.id for order in first).values()) == 2
    assert {order.kind.partition(":")[0] for order in first} >= {
        "text-to-image",
        "pipeline",
        "permanent fault",
    }
    assert any(order.bare for order in first)
