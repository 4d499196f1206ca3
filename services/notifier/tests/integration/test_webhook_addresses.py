"""Where webhooks go, and where they never go."""

from typing import Any

import pytest

from netguard.testing import FakeResolver
from task_store.testing import MemoryTaskStore


def test_a_name_that_leads_to_a_private_address_is_never_connected_to(make: Any, receiver_of: Any) -> None:
    with receiver_of((200, {})) as receiver:
        hooks = make(allowed=(), resolver=FakeResolver.of(localhost="127.0.0.1"))
        hooks.post(hooks.message("t", receiver.url.replace("127.0.0.1", "localhost")))
        hooks.pass_time()
    assert receiver.connections == 0
    [(_, attributes)] = hooks.queue.dead_letters
    assert (attributes["reason"], attributes["tries"]) == ("exhausted", "9")


def test_a_second_look_up_cannot_lead_elsewhere(make: Any, receiver_of: Any) -> None:
    resolver = FakeResolver({"localhost": [["127.0.0.1"], ["127.0.0.2"]]})
    hooks = make(allowed=("127.0.0.1",), resolver=resolver)
    with receiver_of((500, {}), (200, {})) as receiver:
        url = receiver.url.replace("127.0.0.1", "localhost")
        hooks.post(hooks.message("t", url))
        assert (resolver.asked, receiver.connections) == (["localhost"], 1), "one look-up, and that is used"
        hooks.pass_time()
    assert receiver.connections == 1
    assert set(hooks.outcomes) == {"retried", "exhausted"}


@pytest.mark.parametrize(
    "url", ["http://public.example/", "ftp://public.example/", "https://a:b@public.example/", "nonsense"]
)
def test_a_receiver_that_may_not_be_asked_at_all_is_told_at_once(make: Any, url: str) -> None:
    hooks = make(resolver=FakeResolver({}))
    hooks.post(hooks.message("t", url))
    assert hooks.resolver.asked == []
    assert hooks.outcomes == ["refused"]
    assert hooks.queue.dead_letters[0][1]["reason"] == "refused"


def test_the_receiver_of_a_later_try_is_the_first_one_though_the_id_went_to_another_task(
    make: Any, receiver_of: Any
) -> None:
    hooks = make()
    with receiver_of((500, {}), (200, {})) as receiver:
        hooks.post(hooks.message("t", receiver.url))
        hooks.system.store = MemoryTaskStore()
        hooks.pass_time()
    assert hooks.outcomes == ["retried", "delivered"]


def test_the_receiver_of_the_first_try_is_known_though_the_id_went_to_another_task(
    make: Any, receiver_of: Any
) -> None:
    hooks = make()
    with receiver_of((200, {})) as receiver:
        hooks.callbacks["before"] = receiver.url
        assert hooks.post(hooks.message("t", None, submission="before")) == []
    assert hooks.outcomes == ["delivered"]


def test_a_webhook_of_another_submission_is_kept_and_sent_to_nobody(make: Any, receiver_of: Any) -> None:
    hooks = make()
    with receiver_of((200, {})) as receiver:
        hooks.post(hooks.message("t", receiver.url, submission="another"))
        hooks.post(hooks.message("u", None))
        hooks.post(hooks.record("{}", attributes={"id": "v", "submission": "s", "event_id": "e"}))
    assert receiver.connections == 0
    assert [attributes["reason"] for _, attributes in hooks.queue.dead_letters] == ["unaddressed"] * 3


def test_a_message_that_is_no_webhook_is_kept(make: Any) -> None:
    hooks = make()
    assert hooks.post(hooks.record("anything", attributes={"runtime": "r"})) == []
    assert hooks.queue.dead_letters == [("anything", {"reason": "unreadable", "runtime": "r"})]
