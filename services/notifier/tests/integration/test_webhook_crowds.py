"""Many webhooks at once, some of whose receivers misbehave."""

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any


def test_of_a_thousand_webhooks_a_tenth_of_whose_receivers_hang_the_others_arrive_meanwhile(
    make: Any,
    receiver_of: Any,
) -> None:
    hooks = make(seconds=60.0)
    with receiver_of((200, {})) as good, receiver_of("close") as hanging:
        # Those of a batch hang until all others of the batch have arrived.
        hanging.holds = lambda number: len(good.got) < 180 * (number // 20 + 1)
        records = [hooks.message(f"t-{n}", hanging.url if n % 10 == 0 else good.url) for n in range(1000)]
        for start in range(0, 1000, 200):
            assert hooks.post(*records[start : start + 200]) == []
        assert Counter(hooks.outcomes) == {"delivered": 900, "retried": 100}
        told = Counter(headers["webhook-id"] for headers, _ in good.got)
        assert told == {f"event-of-t-{n}": 1 for n in range(1000) if n % 10}
        hanging.answers[:] = [(200, {})]
        hanging.holds = lambda _: False
        hooks.pass_time()
    assert Counter(hooks.outcomes)["delivered"] == 1000
    assert hooks.queue.dead_letters == []


def test_receivers_that_send_without_end_do_not_hold_up_those_beside_them(
    make: Any, receiver_of: Any
) -> None:
    hooks = make(seconds=60.0)
    with receiver_of((200, {})) as good, receiver_of("flood") as bad:
        records = [hooks.message(f"t-{n}", good.url if n % 10 == 0 else bad.url) for n in range(50)]
        assert hooks.post(*records) == []
    assert {headers["webhook-id"] for headers, _ in good.got} == {f"event-of-t-{n}" for n in range(0, 50, 10)}
    errors = Counter((extra["outcome"], extra["error"]) for _, _, extra in hooks.system.log.lines)
    assert errors == {("delivered", None): 5, ("retried", "AnswerTooLongError"): 45}


class SlowNames:
    """Names of which some take for ever; like the system's resolver it uses the threads of the loop."""

    def __init__(self) -> None:
        self.released = threading.Event()

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        def found() -> Sequence[str]:
            if host != "localhost":
                self.released.wait(60)
            return ["127.0.0.1"]

        return await asyncio.get_running_loop().run_in_executor(None, found)


def test_names_that_take_for_ever_do_not_hold_up_others(make: Any, receiver_of: Any) -> None:
    names = SlowNames()
    hooks = make(resolver=names, seconds=1.0)
    with receiver_of((200, {})) as receiver:
        slow = [hooks.message(f"t-{n}", f"https://slow-{n}.example/") for n in range(60)]
        good = hooks.message("good", receiver.url.replace("127.0.0.1", "localhost"))
        try:
            assert hooks.post(*slow, good) == []
        finally:
            names.released.set()
    assert Counter(hooks.outcomes) == {"retried": 60, "delivered": 1}
