"""The functions without Lambda: what they are given, and that they answer as they do behind the gateway."""

from contextlib import ExitStack

import httpx

from ministack_testing import ministack_url
from tests.bench.waiting import Bench, Measures
from tests.bench.warm import proxy_event


def test_a_request_becomes_what_the_gateway_makes_of_it() -> None:
    event = proxy_event("GET", "/v1alpha2/tasks/a?wait=20", {"If-None-Match": "x"}, b"")
    assert (event["path"], event["queryStringParameters"], event["body"]) == (
        "/v1alpha2/tasks/a",
        {"wait": "20"},
        None,
    )
    assert event["headers"] == {"If-None-Match": "x"}


def test_one_submits_and_others_wait_for_what_does_not_end() -> None:
    measures = Measures(2)
    with ExitStack() as stack:
        bench = Bench(stack.enter_context(ministack_url()), 2, stack)
        ids, times = bench.submit(2, measures.refused)
        with bench.waiting(ids):
            shown = httpx.get(f"{bench.showing.url}/v1alpha2/tasks/{ids[0]}", trust_env=False, timeout=30)
        assert (shown.status_code, shown.json()["status"]) == (200, "queued")
    assert (len(times), measures.refused) == (2, {})
