"""What counts as news, when to ask again, and what names the state of a task."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from status.viewing import Views
from task_store.testing import outcome


def ended(system: Any) -> None:
    task = system.claim(system.record())
    system.store.commit(task.id, task.submission, "mine", outcome(), now=system.now)


def test_of_a_task_that_has_ended_there_is_nothing_to_wait_for(system: Any) -> None:
    ended(system)
    answer = system.send("GET", "t", wait=20)
    assert answer.status == 200
    assert system.send("GET", "t", wait=20, known=answer.headers["ETag"]).status == 304
    assert system.slept == 0


def test_nobody_waits_for_longer_than_they_said_however_long_a_look_takes(system: Any) -> None:
    system.record()

    def half_a_second_passes() -> None:
        system.now += 500

    system.meanwhile[1] = half_a_second_passes
    start = system.now
    assert system.send("GET", "t", wait=2).body["status"] == "queued"
    assert (system.now - start, system.slept) == (2000, 1.5)


@pytest.mark.parametrize(
    ("waiting", "asked"), [(0, "1"), (1, "1"), (29, "29"), (30, "30"), (31, "30"), (9999, "30")]
)
def test_who_waits_in_a_queue_asks_again_between_a_second_and_half_a_minute(
    system: Any, waiting: int, asked: str
) -> None:
    system.record()
    system.queues.lengths = {"sdruntime": waiting}
    assert system.send("GET", "t").headers["Retry-After"] == asked


@pytest.mark.parametrize(
    ("progress", "seconds", "asked"), [(0.99, 1, "1"), (0.04, 100, "5"), (0.05, 100, "30"), (0.5, 12, "12")]
)
def test_who_waits_for_a_run_asks_again_when_it_may_have_ended(
    system: Any, progress: float, seconds: int, asked: str
) -> None:
    task = system.claim(system.record())
    system.now += seconds * 1000
    system.store.renew("t", task.submission, "mine", lease_until=system.now, progress=progress)
    assert system.send("GET", "t").headers["Retry-After"] == asked


def test_that_a_task_was_asked_to_end_is_news(system: Any) -> None:
    system.claim(system.record())
    tag = system.send("GET", "t").headers["ETag"]
    asked = system.send("DELETE", "t")
    assert asked.body["status"] == "running"
    assert asked.headers["ETag"] not in {tag, None}
    assert system.send("GET", "t", wait=20, known=tag).headers["ETag"] == asked.headers["ETag"]
    assert system.slept == 0


class Links:
    """Makes another link each time, as presigning does."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def to(self, s3_url: str) -> str:
        return f"https://signed.example/{s3_url.removeprefix('s3://')}?{next(self._numbers)}"


def test_another_link_is_no_news_and_another_event_is(system: Any) -> None:
    ended(system)
    task = replace(system.task(), output_url="s3://outputs/output/t/t-abcd.out")
    views = Views(output_bucket="outputs", payloads=system.payloads, links=Links())
    assert views.tag(task) == views.tag(task)
    assert views.tag(replace(task, event_id="another")) != views.tag(task)


def test_words_of_a_task_that_are_no_object_are_as_good_as_none(system: Any) -> None:
    task = system.claim(system.record())
    told = outcome()
    ref = system.payloads.put(task.submission, told.payload_name, ["not", "an", "object"])
    system.store.commit(task.id, task.submission, "mine", told.by_reference(ref), now=system.now)
    answer = system.send("GET", "t")
    assert (answer.status, answer.body["images"]) == (200, [])


@pytest.mark.parametrize(("length", "status"), [(1, 200), (256, 200), (257, 400)])
def test_a_runtimes_name_in_a_list_may_be_long_but_not_endless(system: Any, length: int, status: int) -> None:
    answer = system.send("GET", runtime="r" * length)
    assert answer.status == status
    assert ("error" in answer.body) == (status == 400)


@pytest.mark.parametrize("known", [True, False])
def test_what_goes_wrong_is_counted_as_unavailable_and_quoted_nowhere(
    system: Any, known: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: str) -> None:
        raise KeyError("a secret")

    system.record()
    if known:
        system.store.available = False
    else:
        system.queues.waiting = broken
    answer = system.send("GET", "t")
    assert (answer.status, answer.body["error"]["code"]) == (503, "unavailable")
    [(level, line)] = system.log.lines
    assert (level, line["outcome"]) == ("error", "unavailable" if known else "failed")
    assert system.meter.counted == {("Unavailable",): 1}
    assert "secret" not in caplog.text + repr(system.log.lines) + answer.text + repr(system.documents)
