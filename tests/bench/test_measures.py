"""What the benchmarks of webhooks, of waiting and of polling take for good, and say."""

from collections import Counter

from tests.bench import polling, waiting, webhooks


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


def measured(beside: float) -> waiting.Measures:
    return waiting.Measures(50, alone=[[0.02] * 20] * 2, beside=[[beside] * 20] * 2)


def test_clients_that_wait_may_cost_a_tenth() -> None:
    assert measured(0.0219).good
    assert not measured(0.0221).good
    assert "beside 50 that wait" in measured(0.02).table()


def test_a_few_submissions_that_take_much_longer_are_not_good_either() -> None:
    measures = measured(0.02)
    measures.beside[0] = [0.02] * 17 + [0.04] * 3
    assert [round(each, 2) for each in measures.ratios()] == [1.0, 2.0, 2.0]
    assert not measures.good


def test_a_single_submission_says_too_little() -> None:
    measures = measured(0.02)
    measures.beside[0] = [0.02] * 19 + [0.04]
    assert [round(each, 2) for each in measures.ratios()[:2]] == [1.0, 1.0]
    assert measures.good


def test_nothing_that_was_measured_is_not_good() -> None:
    measures = measured(0.02)
    measures.beside = []
    assert not measures.good


def test_a_submission_that_is_refused_is_not_good() -> None:
    measures = measured(0.02)
    measures.refused[503] = 1
    assert not measures.good
    assert "not accepted: 503: 1" in measures.table()


def test_what_one_that_waits_costs_is_told() -> None:
    measures = measured(0.02)
    measures.waiting_cpu, measures.emulator_cpu = [0.1], ([0.3], [0.4])
    assert "one client that waits: 2.0 ms" in measures.table()
    assert "  2.0 ms in the emulator" in measures.table()


def test_how_much_the_machine_itself_varies_is_told() -> None:
    measures = measured(0.02)
    measures.alone = [[0.02] * 20, [0.03] * 20]
    assert [round(each, 2) for each in measures.noise()] == [1.5, 1.5, 1.5]
    assert "measure again" in measures.table()
    assert "measure again" not in measured(0.02).table()


def test_who_submits_may_not_be_throttled_by_who_asks() -> None:
    asked = Counter({404: 90, 429: 9})
    assert polling.Answers(asked, Counter({200: 9})).good
    assert not polling.Answers(asked, Counter({200: 9, 429: 1})).good


def test_submissions_that_fail_and_nobody_who_asks_are_not_good_either() -> None:
    asked = Counter({404: 90, 429: 9})
    assert not polling.Answers(asked, Counter({500: 66})).good
    assert not polling.Answers(asked).good
    assert not polling.Answers(submitted=Counter({200: 9})).good


def test_a_machine_that_is_too_slow_to_be_throttled_is_told() -> None:
    slow = polling.Answers(asked=Counter({200: 500}))
    assert "cannot ask faster" in slow.table()
    slow.asked[429] = 1
    assert "cannot ask faster" not in slow.table()
