from dataclasses import replace
from itertools import pairwise
from math import factorial

import numpy as np
import pytest

from planning.simulation.arrivals import Arrivals, bursts, constant
from planning.simulation.engine import service_times, simulate
from planning.simulation.queue import Queue
from planning.simulation.result import Result
from planning.simulation.rules import Direction, Policy, ScaledObject
from planning.simulation.settings import Machines, Service, Settings

QUIET = Machines(interruptions=0, variation=0)
EXACT = Service(seconds=1.5, spread="constant", gpu_busy=1)


def at(*times: float, horizon: float = 3600) -> Arrivals:
    return Arrivals(np.array(times, dtype=float), horizon, "by hand")


def run(arrivals: Arrivals, *, scaling: ScaledObject | None = None, **others: object) -> Result:
    settings = Settings(
        horizon=arrivals.horizon, scaling=scaling or ScaledObject(), service=EXACT, machines=QUIET
    )
    return simulate(arrivals, replace(settings, **others))  # type: ignore[arg-type]  # each test says what it changes


def pods(count: int) -> ScaledObject:
    """So many all the time; what nobody needs is looked at rarely, to be quick."""
    return ScaledObject(
        minimum=count, maximum=count, polling=600, down=Direction(0, (Policy("Percent", 50, 60),))
    )


def erlang_c(servers: int, load: float) -> float:
    """The probability that a task has to wait, of Erlang's second formula."""
    last = load**servers / factorial(servers) * servers / (servers - load)
    return last / (sum(load**k / factorial(k) for k in range(servers)) + last)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (1, 0.8), (5, 4.0), (20, 17.0)])
def test_waits_are_those_of_theory_for_random_arrivals_and_exponential_times(
    servers: int, load: float
) -> None:
    tasks = 100_000
    arrivals = constant(tasks, tasks / load / 3600, np.random.default_rng(7))
    found = run(arrivals, scaling=pods(servers), service=Service(1.0, "exponential", gpu_busy=1))
    expected = erlang_c(servers, load) / (servers - load)
    assert float(found.waits.mean()) == pytest.approx(expected, rel=0.1)


def test_waits_are_those_of_theory_for_constant_times() -> None:
    tasks, load = 100_000, 0.7
    arrivals = constant(tasks, tasks / load / 3600, np.random.default_rng(3))
    found = run(arrivals, scaling=pods(1), service=Service(1.0, "constant", gpu_busy=1))
    assert float(found.waits.mean()) == pytest.approx(load / (2 * (1 - load)), rel=0.05)


def test_the_mean_number_of_tasks_is_rate_times_latency() -> None:
    arrivals = constant(200_000, 10, np.random.default_rng(5))
    found = run(arrivals, scaling=pods(10))
    ends = np.sort(arrivals.times + found.latencies)
    looks = np.linspace(3600, 9 * 3600, 20_000)
    inside = np.searchsorted(arrivals.times, looks) - np.searchsorted(ends, looks)
    assert float(inside.mean()) == pytest.approx(200_000 / 36_000 * float(found.latencies.mean()), rel=0.02)


def test_one_task_waits_for_the_look_the_node_the_pod_and_the_model() -> None:
    found = run(at(12))
    # KEDA looks at 15 s; 60 + 10 + 30 s later the pod is ready.
    assert found.waits.tolist() == [103.0]
    assert found.latencies.tolist() == [104.5]
    assert (found.started_pods, found.started_nodes) == (1, 1)


def test_after_the_cooldown_nothing_is_left_and_nothing_more_is_paid() -> None:
    found = run(at(12))
    # The last look with the message in hand is at 115 s, so the pod goes at 180 s, the node at 240 s.
    assert found.node_seconds == pytest.approx(180 + 60 - 15)
    assert found.samples[-1].nodes == 0
    assert found.dollars == pytest.approx(found.node_seconds / 3600 * 0.4968)


def test_a_node_that_is_still_there_saves_its_start() -> None:
    found = run(at(12, 200))
    assert found.started_nodes == 1
    assert found.waits.tolist() == [103.0, 40.0]


def test_a_node_that_has_been_empty_for_too_long_is_gone() -> None:
    assert run(at(12, 300)).started_nodes == 2


def test_a_minimum_keeps_pods_ready_and_paid() -> None:
    found = run(at(100, 200), scaling=ScaledObject(minimum=2))
    assert found.waits.tolist() == [0.0, 0.0]
    assert found.node_seconds == pytest.approx(2 * 3600, rel=0.01)


def test_a_burst_gets_pods_as_fast_as_the_hpa_allows_and_loses_none() -> None:
    arrivals = bursts(3000, 1, np.random.default_rng(1), count=1, seconds=30)
    found = run(arrivals)
    assert (found.tasks, found.unfinished) == (3000, 0)
    assert max(sample.wanted for sample in found.samples) == 20
    assert found.samples[-1].ready == 0


def test_the_node_pool_s_limit_holds_and_pods_wait_for_room() -> None:
    arrivals = bursts(3000, 1, np.random.default_rng(1), count=1, seconds=30)
    found = run(arrivals, machines=replace(QUIET, most_nodes=3))
    assert found.most_nodes == 3
    assert found.tasks == 3000


def test_spot_interruptions_are_replaced_and_lose_no_task() -> None:
    arrivals = constant(40_000, 4, np.random.default_rng(2))
    found = run(arrivals, scaling=pods(6), machines=replace(QUIET, interruptions=2.0))
    assert found.interruptions > 20
    assert found.tasks == 40_000
    assert found.started_pods == 6 + found.interruptions
    assert found.given_back == 0  # 1.5 s fit into any grace period


def test_a_run_that_is_longer_than_the_grace_period_is_given_back_and_begins_anew() -> None:
    arrivals = constant(60, 4, np.random.default_rng(2))
    long = Service(600, "constant", gpu_busy=1)
    found = run(arrivals, scaling=pods(4), service=long, machines=replace(QUIET, interruptions=2.0))
    assert found.given_back > 0
    assert found.tasks == 60
    assert found.latencies.max() > 600 + QUIET.grace
    assert found.busy_seconds == pytest.approx(60 * 600)


def test_nobody_begins_with_what_is_given_back_before_it_is() -> None:
    queue = Queue(np.array([0.0, 0.0]), np.array([600.0, 1.0]))
    queue.join(1, 0.0)
    queue.join(2, 0.0)
    queue.serve(10.0)
    assert queue.leave(1, 10.0, grace=90.0) == (100.0, 0)
    queue.give_back(0, 100.0)
    queue.serve(1000.0)
    assert queue.starts.tolist() == [100.0, 0.0]


def test_a_moment_of_arrivals_has_points_a_second_apart_however_long_it_is_worked_off() -> None:
    found = run(at(0, 0, 0, horizon=1))
    assert len(found.samples) < 2 * found.ended


def test_what_never_gets_done_is_told_and_not_counted() -> None:
    arrivals = constant(4000, 1, np.random.default_rng(2))
    found = run(arrivals, scaling=pods(1), patience=600.0)
    assert found.unfinished > 1000
    assert found.tasks + found.unfinished == 4000


def test_without_messages_in_hand_a_busy_queue_looks_empty_and_loses_its_pods() -> None:
    arrivals = at(0, horizon=1800)
    long = Service(400, "constant", gpu_busy=1)
    blind = run(arrivals, scaling=ScaledObject(count_in_flight=False), service=long, patience=3600.0)
    assert blind.given_back >= 1
    assert run(arrivals, service=long).given_back == 0


def test_the_same_seed_gives_the_same_figures_and_another_one_others() -> None:
    def figures(seed: int) -> tuple[object, ...]:
        arrivals = constant(5000, 2, np.random.default_rng([seed, 0]))
        found = simulate(
            arrivals, Settings(horizon=arrivals.horizon, seed=seed, machines=Machines(interruptions=1))
        )
        return found.as_json(), found.samples

    assert figures(4) == figures(4)
    assert figures(4) != figures(5)


def test_more_messages_for_each_pod_cost_less_and_take_longer() -> None:
    arrivals = constant(60_000, 6, np.random.default_rng(9))
    few, many = (run(arrivals, scaling=ScaledObject(queue_length=length)) for length in (1, 20))
    assert few.latency(95) < many.latency(95)
    assert few.dollars > many.dollars


@pytest.mark.parametrize("spread", ["lognormal", "exponential", "constant"])
def test_times_of_tasks_have_the_mean_that_was_asked_for(spread: str) -> None:
    service = Service(2.0, spread, variation=0.5, gpu_busy=0.8)  # type: ignore[arg-type]  # a literal of three
    times = service_times(service, 200_000, np.random.default_rng(1))
    assert float(times.mean()) == pytest.approx(2.5, rel=0.01)
    deviation = {"lognormal": 1.25, "exponential": 2.5, "constant": 0.0}[spread]
    assert float(times.std()) == pytest.approx(deviation, rel=0.02, abs=1e-9)


def test_what_is_paid_is_the_time_of_all_nodes() -> None:
    arrivals = constant(20_000, 3, np.random.default_rng(8))
    found = run(arrivals, scaling=ScaledObject(down=Direction(60, (Policy("Percent", 100, 15),))))
    points = found.samples
    area = sum(a.nodes * (b.at - a.at) for a, b in pairwise(points))
    assert found.node_seconds == pytest.approx(area, rel=0.05)
    assert [point.dollars for point in points] == sorted(point.dollars for point in points)
