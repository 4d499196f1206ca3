"""What receivers answer, and what follows; they are real servers on this machine."""

import json
import time
from typing import Any

import pytest
from standardwebhooks import Webhook as Published

from notifier.webhook_signing import Signer

QUICK = 0.3  # seconds for an attempt, where a receiver hangs


def verified(got: tuple[dict[str, str], bytes], secret: str, *, now: int) -> Any:
    """Verify as the published library does, which wants the time of the attempt to be about now."""
    headers, body = got
    assert int(headers["webhook-timestamp"]) == now // 1000
    signed = Signer.read(secret).headers(
        headers["webhook-id"], body, seconds=int(headers["webhook-timestamp"])
    )
    assert signed["webhook-signature"] in headers["webhook-signature"].split(" ")
    return json.loads(body)


def test_a_webhook_is_the_notification_signed_with_every_secret(make: Any, receiver_of: Any) -> None:
    hooks = make()
    hooks.system.now = int(time.time() * 1000)
    with receiver_of((204, {})) as receiver:
        message = hooks.message("t", receiver.url)
        assert hooks.post(message) == []
    [(headers, body)] = receiver.got
    assert body == message["body"].encode()
    for secret in hooks.secrets:
        assert Published(secret).verify(body, headers) == {"id": "t", "result": True, "note": "é"}
    assert headers["webhook-id"] == "event-of-t"
    assert headers["content-type"] == "application/json"
    assert (hooks.outcomes, hooks.queue.waiting) == (["delivered"], [])
    assert hooks.system.meter.counted == {
        ("WebhookTries", "answer=2xx"): 1,
        ("Webhooks", "outcome=delivered"): 1,
    }


def test_a_receiver_that_fails_five_times_gets_the_event_once_more(make: Any, receiver_of: Any) -> None:
    hooks = make()
    with receiver_of(*[(500, {})] * 5, (200, {})) as receiver:
        start = hooks.system.now
        assert hooks.post(hooks.message("t", receiver.url)) == []
        hooks.pass_time()
    assert len(receiver.got) == 6
    assert {headers["webhook-id"] for headers, _ in receiver.got} == {"event-of-t"}
    assert len({body for _, body in receiver.got}) == 1
    times = [int(headers["webhook-timestamp"]) for headers, _ in receiver.got]
    assert [time - start // 1000 for time in times] == [0, 15, 75, 375, 1275, 4875]
    for got, at in zip(receiver.got, times, strict=True):
        assert verified(got, hooks.secrets[0], now=at * 1000)["id"] == "t"
    assert hooks.outcomes == [*["retried"] * 5, "delivered"]
    assert hooks.queue.dead_letters == []


def test_a_receiver_that_never_takes_it_leaves_a_dead_letter_after_the_last_gap(
    make: Any, receiver_of: Any
) -> None:
    hooks = make()
    with receiver_of((503, {})) as receiver:
        hooks.post(hooks.message("t", receiver.url))
        hooks.pass_time()
        assert len(receiver.got) == 9
        [(body, attributes)] = hooks.queue.dead_letters
        assert (attributes["reason"], attributes["tries"], attributes["url"]) == (
            "exhausted",
            "9",
            receiver.url,
        )
        receiver.answers[:] = [(200, {})]
        assert hooks.post(hooks.record(body, attributes=attributes)) == []
    assert hooks.outcomes[-2:] == ["exhausted", "delivered"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(make: Any, receiver_of: Any, status: int) -> None:
    hooks = make()
    with receiver_of((200, {})) as private, receiver_of((status, {"Location": private.url})) as receiver:
        hooks.post(hooks.message("t", receiver.url))
    assert (len(receiver.got), private.connections) == (1, 0)
    assert hooks.outcomes == ["retried"]


def test_a_receiver_that_wants_no_more_is_left_alone(make: Any, receiver_of: Any) -> None:
    hooks = make()
    with receiver_of((410, {})) as receiver:
        hooks.post(hooks.message("t", receiver.url))
    assert (hooks.outcomes, hooks.queue.sent) == (["gone"], 0)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("asked", "gap"), [("100", 100), ("1", 15), ("99999999", 12 * 3600)])
def test_a_receiver_may_ask_to_be_left_alone_for_longer(
    make: Any, receiver_of: Any, status: int, asked: str, gap: int
) -> None:
    hooks = make()
    with receiver_of((status, {"Retry-After": asked}), (200, {})) as receiver:
        start = hooks.system.now
        hooks.post(hooks.message("t", receiver.url))
        hooks.pass_time()
    assert len(receiver.got) == 2
    assert (hooks.system.now - start) // 1000 == gap
    assert hooks.outcomes == ["retried", "delivered"]


@pytest.mark.parametrize("answer", ["hang", "close"])
def test_a_receiver_that_does_not_answer_is_tried_again(make: Any, receiver_of: Any, answer: str) -> None:
    hooks = make(seconds=QUICK)
    with receiver_of(answer, (200, {})) as receiver:
        hooks.post(hooks.message("t", receiver.url))
        hooks.pass_time()
    assert hooks.outcomes == ["retried", "delivered"]


def test_a_receiver_that_is_not_there_is_tried_again(make: Any, receiver_of: Any) -> None:
    hooks = make()
    with receiver_of((200, {})) as receiver:
        url = receiver.url
    hooks.post(hooks.message("t", url))
    assert hooks.outcomes == ["retried"]
