"""Webhooks while our own services fail, or time runs out."""

from typing import Any

import pytest

from notifier.webhook_messages import Webhook
from task_store import TableUnavailableError, Task


def test_only_what_could_not_be_handed_on_comes_again(make: Any, receiver_of: Any) -> None:
    hooks = make()
    with receiver_of((500, {})) as bad, receiver_of((200, {})) as good:
        records = [hooks.message("bad", bad.url), hooks.message("good", good.url)]
        hooks.queue.broken = True
        assert hooks.post(*records) == ["m-bad"]
        assert [(handle, seconds) for _, handle, seconds in hooks.system.queues.hidden] == [
            ("handle-of-m-bad", 2)
        ]
        hooks.queue.broken = False
        assert hooks.post(records[0]) == []
    assert (len(good.got), len(bad.got)) == (1, 2)
    assert hooks.queue.waiting[0][2]["try"] == "2"


def _again(task: Task, url: str) -> dict[str, str]:
    found = Webhook(task.id, task.submission, "e", "{}", {}).to(url)
    return found.attributes()


def _gone(*_: object) -> Any:
    raise TableUnavailableError("no answer")


def test_without_the_table_or_a_secret_nothing_is_lost(
    make: Any, receiver_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = make()
    with receiver_of((200, {})) as receiver:
        message = hooks.message("t", receiver.url)
        task = hooks.system.task()
        known = hooks.record("{}", message_id="m-known", attributes=_again(task, receiver.url))
        hooks.system.store.get = _gone  # a row that cannot be read
        assert hooks.post(message, known) == ["m-t"]
        monkeypatch.setattr(hooks, "current", _gone)
        assert hooks.post(known) == ["m-known"]
    assert len(receiver.got) == 1
    assert hooks.queue.sent == 0
    assert hooks.system.meter.counted["WebhookFailures",] == 2


def received(message: dict[str, Any], times: int) -> dict[str, Any]:
    return {**message, "attributes": {**message["attributes"], "ApproximateReceiveCount": str(times)}}


@pytest.mark.parametrize(
    ("times", "seconds"), [(1, 2), (2, 4), (5, 32), (9, 512), (10, 15 * 60), (50, 15 * 60)]
)
def test_while_a_queue_takes_nothing_webhooks_come_again_later_and_later(
    make: Any, times: int, seconds: int
) -> None:
    hooks = make()
    hooks.current = _gone
    hooks.queue.broken = True
    message = received(hooks.message("t", "https://x.example/"), times)
    assert hooks.post(message) == ["m-t"]
    assert [found for _, _, found in hooks.system.queues.hidden] == [seconds]
    assert hooks.outcomes == ["unavailable"]


def test_what_stays_unavailable_is_sent_anew_with_all_its_tries_before_a_queue_gives_up(
    make: Any, receiver_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = make()
    with receiver_of((200, {})) as receiver:
        message = hooks.message("t", receiver.url)
        with monkeypatch.context() as broken:
            broken.setattr(hooks, "current", _gone)
            assert hooks.post(received(message, 5)) == ["m-t"], "a short time may be enough"
            assert hooks.post(received(message, 6)) == []
        [(appears, body, attributes)] = hooks.queue.waiting
        assert (body, attributes["try"]) == (message["body"], "1")
        assert appears - hooks.system.now == 15 * 60 * 1000
        assert hooks.system.meter.counted == {("WebhookFailures",): 2}
        hooks.pass_time()
    assert len(receiver.got) == 1
    assert hooks.outcomes == ["unavailable", "unavailable", "delivered"]


def test_what_nobody_can_handle_is_left_to_the_queue_however_often_it_comes(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = make()
    monkeypatch.setattr(hooks, "current", lambda: None)  # what signs is broken, not away
    assert hooks.post(received(hooks.message("t", "https://x.example/"), 40)) == ["m-t"]
    assert (hooks.outcomes, hooks.queue.sent) == (["failed"], 0)


def test_with_too_little_time_left_no_try_is_begun(make: Any, receiver_of: Any, context: Any) -> None:
    hooks = make()
    with receiver_of((200, {})) as receiver:
        records = [hooks.message(name, receiver.url) for name in "ab"]
        assert hooks.post(*records, context=context([19_999])) == ["m-a", "m-b"]
        assert receiver.connections == 0
        assert hooks.outcomes == ["no_time", "no_time"]
        assert hooks.post(*records, context=context([20_000])) == []
    assert len(receiver.got) == 2


def test_what_hangs_when_time_is_over_comes_again_and_what_was_delivered_does_not(
    make: Any, receiver_of: Any, context: Any
) -> None:
    hooks = make(seconds=60.0)
    with receiver_of((200, {})) as good, receiver_of("hang") as bad:
        records = [hooks.message("bad", bad.url), hooks.message("good", good.url)]
        assert hooks.post(*records, context=context([5_000, 60_000])) == ["m-bad"]
        assert (len(bad.got), len(good.got)) == (1, 1)
    assert hooks.outcomes == ["delivered"]
    assert hooks.system.meter.counted["WebhookFailures",] == 1
    assert ("error", "webhooks", {"outcome": "no_time", "messages": 1}) in hooks.system.log.lines


def test_a_message_that_breaks_the_function_itself_does_not_make_others_come_again(
    make: Any, receiver_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = make()
    count = hooks.system.meter.count

    def broken(name: str, number: int = 1, /, **dimensions: str) -> None:
        if dimensions.get("outcome") == "unreadable":
            raise RuntimeError("no more counting")
        count(name, number, **dimensions)

    monkeypatch.setattr(hooks.system.meter, "count", broken)
    with receiver_of((200, {})) as receiver:
        records = [hooks.record("{}", message_id="m-bad", attributes={}), hooks.message("t", receiver.url)]
        assert hooks.post(*records) == ["m-bad"]
    assert [extra["error"] for _, message, extra in hooks.system.log.lines if message == "webhooks"] == [
        "RuntimeError"
    ]


@pytest.mark.parametrize("early", [1, 3000])
def test_what_comes_before_its_time_waits_on(make: Any, receiver_of: Any, early: int) -> None:
    hooks = make()
    with receiver_of((200, {})) as receiver:
        task = hooks.system.record("t", callback_url=receiver.url)
        due = (
            Webhook(task.id, task.submission, "e", "{}", {}).to(receiver.url).again(hooks.system.now + early)
        )
        assert hooks.post(hooks.record("{}", attributes=due.attributes())) == []
        assert receiver.connections == 0
        [(appears, _, attributes)] = hooks.queue.waiting
        assert (appears - hooks.system.now, attributes["try"]) == (early, "2")
        hooks.pass_time()
    assert len(receiver.got) == 1


def test_what_is_no_message_of_a_queue_is_counted_and_left_to_it(make: Any) -> None:
    hooks = make()
    message = hooks.message("t", "https://x.example/")
    del message["receiptHandle"]
    assert hooks.post(message) == ["m-t"]
    assert hooks.outcomes == ["failed"]
    assert hooks.system.meter.counted == {("WebhookFailures",): 1}
