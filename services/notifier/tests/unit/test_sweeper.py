"""Tasks that nobody will bring to an end, or tell of."""

import json
from collections import Counter
from typing import Any

import pytest

from notifier.errors import UnavailableError
from task_schema import Status
from task_store import Task
from task_store.testing import MemoryTaskStore, outcome

MINUTE = 60
DAY = 24 * 3600
LEASE = 60_000


def published(system: Any, task_id: str = "t", *, ago: int, **fields: Any) -> Task:
    """Record and publish a task so many seconds ago."""
    task: Task = system.record(task_id, ago=ago, **fields)
    system.store.mark_published(task.id, task.submission, now=system.now - ago * 1000)
    return task


def end(system: Any, task: Task, *, ago: int, **fields: Any) -> None:
    at = system.now - ago * 1000
    system.store.seize(task.id, task.submission, token="x", lease_until=at + LEASE, now=at)
    system.store.commit(task.id, task.submission, "x", outcome(**fields), now=at)


def test_a_task_that_was_never_published_ends_and_is_told(system: Any) -> None:
    task = system.record(ago=15 * MINUTE, context={"a": 1})
    assert system.sweep() == {"done": {"not_published": 1}, "finished": True}
    ended = system.task()
    assert (ended.status, ended.is_finished) == (Status.FAILED, True)
    [told] = system.told
    assert (told["error"]["code"], told["error"]["retryable"]) == ("not_published", True)
    assert (told["submission"], told["context"]) == (task.submission, {"a": 1})
    assert system.bucket.objects[told["output_url"]] == {"error": told["error"]}
    assert system.topic.told[0].event_id == ended.event_id
    assert system.meter.counted == {("Swept", "code=not_published"): 1}


def test_its_client_has_a_quarter_of_an_hour_to_send_it_again(system: Any) -> None:
    task = system.record(ago=15 * MINUTE - 1)
    assert system.sweep()["done"] == {"postponed": 1}
    assert (system.task(), system.told) == (task, [])
    system.now += 1000
    assert system.sweep()["done"] == {"not_published": 1}


def test_a_task_that_runs_though_its_publishing_got_no_answer_is_left_alone(system: Any) -> None:
    task = system.record(ago=20 * MINUTE)
    system.store.claim(
        "t", task.submission, token="agent", lease_until=system.now - 1, now=system.now - LEASE
    )
    assert system.sweep()["done"] == {"postponed": 1}
    assert system.told == []


def test_a_published_task_waits_in_its_queue_for_fourteen_days(system: Any) -> None:
    published(system, ago=14 * DAY - 1)
    assert system.sweep()["done"] == {"postponed": 1}
    system.now += 1000
    assert system.sweep()["done"] == {"expired": 1}
    [told] = system.told
    assert told["error"]["code"] == "expired"
    assert "14 days" in told["error"]["message"]


def test_the_fourteen_days_begin_when_a_task_is_published_not_when_it_was_first_sent(system: Any) -> None:
    task = system.record(ago=15 * DAY)
    system.store.mark_published("t", task.submission, now=system.now - DAY * 1000)
    assert system.sweep()["done"] == {"postponed": 1}
    system.now += 13 * DAY * 1000
    assert system.sweep()["done"] == {"expired": 1}


def test_a_postponed_task_costs_nothing_until_its_time(system: Any) -> None:
    published(system, ago=6 * MINUTE)
    assert system.sweep()["done"] == {"postponed": 1}
    system.now += 13 * DAY * 1000
    assert system.sweep()["done"] == {}


def test_a_task_that_did_not_start_in_time_ends_though_no_agent_runs(system: Any) -> None:
    published(system, ago=10 * MINUTE, deadline=system.now)
    assert system.sweep()["done"] == {"expired": 1}
    assert "expires_in" in system.told[0]["error"]["message"]


def test_a_task_that_has_started_in_time_may_go_on(system: Any) -> None:
    task = published(system, ago=10 * MINUTE, deadline=system.now - 5)
    early = system.now - 9 * MINUTE * 1000
    system.store.claim("t", task.submission, token="agent", lease_until=early + LEASE, now=early)
    system.store.give_back("t", task.submission, "agent", count=True)
    assert system.sweep()["done"] == {"postponed": 1}


def test_a_live_lease_is_respected_to_its_end(system: Any) -> None:
    task = published(system, ago=15 * DAY)
    until = system.now + 30_000
    system.store.claim("t", task.submission, token="agent", lease_until=until, now=system.now)
    held = system.task()
    assert system.sweep()["done"] == {"postponed": 1}
    assert system.task() == held
    system.now = until + 6 * MINUTE * 1000
    assert system.sweep()["done"] == {"expired": 1}


def test_an_end_that_nobody_was_told_of_is_told_in_its_own_words(system: Any) -> None:
    task = published(system, ago=20 * MINUTE)
    end(system, task, ago=5 * MINUTE, notification='{"made":"before"}', event_id="e-1")
    assert system.sweep()["done"] == {"told_late": 1}
    [announced] = system.topic.told
    assert (announced.text, announced.event_id, announced.result) == ('{"made":"before"}', "e-1", True)
    assert system.task().is_finished
    assert system.meter.counted == {("ToldLate",): 1}
    assert system.sweep()["done"] == {}


def test_whoever_ended_a_task_has_five_minutes_to_tell_it(system: Any) -> None:
    task = published(system, ago=20 * MINUTE)
    end(system, task, ago=5 * MINUTE - 1)
    assert system.sweep()["done"] == {}
    assert system.told == []


def test_a_task_that_was_postponed_for_days_is_told_minutes_after_its_end(system: Any) -> None:
    task = published(system, ago=20 * MINUTE)
    system.sweep()
    end(system, task, ago=0)
    system.now += 5 * MINUTE * 1000
    assert system.sweep()["done"] == {"told_late": 1}


def test_words_that_are_gone_are_counted_as_a_failure_and_looked_for_again(system: Any) -> None:
    task = published(system, ago=20 * MINUTE)
    end(system, task, ago=10 * MINUTE, notification_ref="s3://bucket/tasks/s/notification-1.json")
    assert system.sweep()["done"] == {"failed": 1}
    assert system.meter.counted == {("SweepFailures",): 1}
    assert system.sweep()["done"] == {"failed": 1}


def test_of_a_finished_task_nothing_is_looked_at(system: Any) -> None:
    task = published(system, ago=20 * MINUTE)
    end(system, task, ago=10 * MINUTE)
    system.store.mark_notified("t", task.submission, now=system.now)
    assert system.sweep()["done"] == {}


class LatePublisher(MemoryTaskStore):
    """A table where the validator's mark arrives between the sweeper's read and its seizing."""

    def seize(self, task_id: str, submission: str, **kwargs: Any) -> Task:
        self.mark_published(task_id, submission, now=kwargs["now"])
        return super().seize(task_id, submission, **kwargs)


def test_a_task_that_is_published_at_the_last_moment_is_given_back_uncounted(make_system: Any) -> None:
    system = make_system(store=LatePublisher())
    system.record(ago=20 * MINUTE)
    assert system.sweep()["done"] == {"gone_on": 1}
    task = system.task()
    assert (task.status, task.attempts, task.token) == (Status.QUEUED, 0, None)
    assert system.told == []
    assert system.bucket.outs() == []


class QuickAgent(MemoryTaskStore):
    """A table where an agent claims between the sweeper's read and its seizing."""

    def seize(self, task_id: str, submission: str, **kwargs: Any) -> Task:
        now = kwargs["now"]
        self.claim(task_id, submission, token="agent", lease_until=now + LEASE, now=now)
        return super().seize(task_id, submission, **kwargs)


def test_an_agent_that_claims_at_the_last_moment_keeps_the_task(make_system: Any) -> None:
    system = make_system(store=QuickAgent())
    published(system, ago=15 * DAY)
    assert system.sweep()["done"] == {"gone_on": 1}
    assert system.task().token == "agent"
    assert system.told == []


def test_a_commit_without_telling_is_made_good_by_the_next_sweep(system: Any) -> None:
    system.record(ago=20 * MINUTE)
    system.topic.broken = True
    assert system.sweep()["done"] == {"failed": 1}
    system.topic.broken = False
    system.now += 5 * MINUTE * 1000
    assert system.sweep()["done"] == {"told_late": 1}
    assert json.loads(system.task().notification) == system.told[0]


class BadRow(MemoryTaskStore):
    """A table with one row that nobody can read."""

    def get(self, task_id: str) -> Task | None:
        if task_id == "bad":
            raise ValueError("a secret of the row")
        return super().get(task_id)


def test_one_bad_row_does_not_keep_the_others_from_ending(make_system: Any) -> None:
    system = make_system(store=BadRow())
    for name in ("bad", "a", "b"):
        system.record(name, ago=20 * MINUTE)
    assert system.sweep()["done"] == {"failed": 1, "not_published": 2}
    errors = [extra for level, _, extra in system.log.lines if level == "error"]
    assert [(extra["task"], extra["error"]) for extra in errors] == [("bad", "ValueError")]
    assert "secret" not in json.dumps(system.log.lines)


def test_more_than_a_page_of_each_shard_is_swept_in_one_run(system: Any) -> None:
    for n in range(1000):
        system.record(f"t-{n}", ago=20 * MINUTE)
    assert system.sweep() == {"done": {"not_published": 1000}, "finished": True}
    assert Counter(announced.id for announced in system.topic.told).most_common(1)[0][1] == 1


def test_a_run_whose_time_is_up_is_continued_by_the_next(system: Any, context: Any) -> None:
    for n in range(100):
        system.record(f"t-{n}", ago=20 * MINUTE)
    first = system.sweep(context([60_000] * 40 + [14_999]))
    assert not first["finished"]
    assert 0 < first["done"]["not_published"] < 100
    second = system.sweep()
    assert second["finished"]
    assert first["done"]["not_published"] + second["done"]["not_published"] == 100
    assert len(system.told) == 100


def test_two_sweepers_at_once_tell_one_outcome_of_each_task(system: Any) -> None:
    for n in range(50):
        system.record(f"t-{n}", ago=20 * MINUTE)
    seize = system.store.seize
    calls = iter([True])

    def meddling(task_id: str, submission: str, **kwargs: Any) -> Task:
        if next(calls, False):
            system.sweep()
        taken: Task = seize(task_id, submission, **kwargs)
        return taken

    system.store.seize = meddling
    system.sweep()
    outcomes = {(announced.id, announced.event_id) for announced in system.topic.told}
    assert len(outcomes) == 50


def test_a_table_that_is_away_fails_the_run(system: Any) -> None:
    system.store.available = False
    with pytest.raises(UnavailableError, match="8 shards"):
        system.sweep()
    assert system.meter.counted == {("SweepFailures",): 8}
