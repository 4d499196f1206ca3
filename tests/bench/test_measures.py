"""What the benchmarks of webhooks and of waiting take for good, and say."""

from collections import Counter

from tests.bench import waiting, webhooks


def test_webhooks_are_good_where_all_came_in_time() -> None:
    measures = webhooks.Measures(submitted=3, waits=[0.5, 1.0, webhooks.LIMIT])
    assert measures.good
    assert "within 15 s of the end: 100.0%" in measures.table()


def test_one_late_webhook_one_that_is_missing_or_none_at_all_is_not_good() -> None:
    late = webhooks.Measures(submitted=2, waits=[0.5, webhooks.LIMIT + 0.1])
    assert (late.good, late.within) == (False, 0.5)
    missing = webhooks.Measures(submitted=2, waits=[0.5], faults=["t: no webhook"])
    assert not missing.good
    assert "WRONG: t: no webhook" in missing.table()
    assert not webhooks.Measures().good


def measured(beside: float, **answers: int) -> waiting.Measures:
    submitted = Counter({int(status.removeprefix("of_")): count for status, count in answers.items()})
    return waiting.Measures(50, alone=[0.02] * 20, beside=[beside] * 20, submitted=submitted)


def test_clients_that_wait_may_cost_a_tenth() -> None:
    assert measured(0.0219).good
    assert not measured(0.0221).good
    assert "beside 50 that wait" in measured(0.02).table()


def test_who_submits_may_not_be_throttled_by_who_asks() -> None:
    assert measured(0.02, of_200=9).good
    assert not measured(0.02, of_200=9, of_429=1).good


def test_a_machine_that_is_too_slow_to_be_throttled_is_told() -> None:
    slow = measured(0.02)
    slow.asked[200] = 500
    assert "cannot ask faster" in slow.table()
    slow.asked[429] = 1
    assert "cannot ask faster" not in slow.table()
