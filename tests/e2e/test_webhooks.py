"""Webhooks of the running system: signed, tried again, and never in the way of others (DESIGN 4.3)."""

import pytest
from standardwebhooks import Webhook

from local.aftercare import set_function_environment
from tests.e2e.receiving import HANG, outputs, receiving, signing_secret
from tests.e2e.user import COMFY, DYNAMIC, STATIC, User, eventually, new_id, request, text_to_image, workflow

# The gaps of a deployment last for hours.
GAPS = {"WEBHOOK_DELAYS": "[1, 1, 1, 1, 1, 1]"}
SIX = 6  # five failures and the one that was taken
MANY, ONE_IN = 60, 10


@pytest.fixture(name="verify", scope="module")
def _verify(session_user: User) -> Webhook:
    """Give the published library with the system's secret; later tries come soon."""
    function = outputs(session_user.clients)["WebhooksFunctionName"]
    set_function_environment(session_user.clients, function, GAPS)
    return Webhook(signing_secret(session_user.clients))


def submitted(user: User, url: str, *, runtime: str = STATIC) -> str:
    task_id = new_id("webhook")
    comfy = runtime == COMFY
    content, tasktype = (workflow(1), "pipeline") if comfy else (text_to_image(1), "text-to-image")
    body = request(task_id, content, runtime=runtime, tasktype=tasktype)
    body["task"]["metadata"]["callback_url"] = url
    user.submit(body)
    return task_id


def test_the_receiver_gets_what_subscribers_get_signed(user: User, verify: Webhook) -> None:
    with receiving() as receiver:
        task_id = submitted(user, receiver.url)
        told = user.hears(task_id)
        [got] = eventually(lambda: receiver.of(task_id) or None, what="the webhook")
    assert got.body.decode() == told.body
    assert verify.verify(got.body, got.headers)["result"] is True
    assert got.headers["webhook-id"] == told.attributes["event_id"]


def test_a_receiver_that_fails_five_times_gets_the_event_once_more(user: User, verify: Webhook) -> None:
    with (
        receiving() as elsewhere,
        receiving(500, 500, 503, 302, 500, 200, location=elsewhere.url) as receiver,
    ):
        task_id = submitted(user, receiver.url)
        tries = eventually(
            lambda: found if len(found := receiver.of(task_id)) >= SIX else None, what="six tries"
        )
        # Whatever ended after it was told about it, so a seventh try would have come before.
        later = submitted(user, elsewhere.url)
        eventually(lambda: elsewhere.of(later), what="a webhook after it")
        assert len(receiver.of(task_id)) == SIX
        assert elsewhere.of(task_id) == [], "a redirect is not followed"
    assert len({got.headers["webhook-id"] for got in tries}) == 1
    assert len({got.body for got in tries}) == 1
    assert verify.verify(tries[-1].body, tries[-1].headers)["id"] == task_id


def test_one_receiver_in_ten_that_hangs_keeps_no_other_from_getting_each_event_once(
    user: User, verify: Webhook
) -> None:
    """The small version of `tests/bench/webhooks.py`."""
    runtimes = (STATIC, DYNAMIC, COMFY)
    with receiving() as good, receiving(HANG) as hanging:
        sent = [
            (submitted(user, hanging.url if number % ONE_IN == 0 else good.url, runtime=runtimes[number % 3]))
            for number in range(MANY)
        ]
        wanted = {task_id for number, task_id in enumerate(sent) if number % ONE_IN}
        eventually(lambda: len(good.got) >= len(wanted), what="all webhooks of those that answer")
        told = [verify.verify(got.body, got.headers) for got in good.got]
        assert sorted(each["id"] for each in told) == sorted(wanted)
        assert all(each["result"] for each in told)
        assert len({got.headers["webhook-id"] for got in good.got}) == len(wanted)
        eventually(
            lambda: all(hanging.of(task_id) for number, task_id in enumerate(sent) if number % ONE_IN == 0),
            what="the tries at the one that hangs",
        )
