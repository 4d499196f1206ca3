"""Each case was worked out by hand from the sources that `planning.simulation.rules` names."""

from dataclasses import replace

import pytest

from planning.simulation.rules import Direction, Hpa, Keda, Policy, ScaledObject

# (seconds, pods, messages, pods after the decision)
type Steps = list[tuple[float, int, int, int]]

CHART = ScaledObject()
AT_ONCE = replace(CHART, down=Direction(0, (Policy("Percent", 50, 60),)))

KEDA: dict[str, tuple[ScaledObject, Steps]] = {
    "a message wakes the first pod": (CHART, [(0, 0, 1, 1)]),
    "many messages wake one pod as well": (CHART, [(0, 0, 5000, 1)]),
    "with a minimum, all of it at once": (replace(CHART, minimum=3), [(0, 0, 1, 3)]),
    "below the minimum without a message, the minimum": (replace(CHART, minimum=3), [(0, 1, 0, 3)]),
    "between one and the most, the number is the HPA's": (CHART, [(0, 7, 5000, 7)]),
    "no pod and no message: nothing": (CHART, [(0, 0, 0, 0)]),
    "never active, so no cooldown": (CHART, [(0, 4, 0, 0)]),
    "cooldown counts from the last message, strictly": (
        CHART,
        [(0, 0, 1, 1), (55, 1, 1, 1), (60, 1, 0, 1), (115, 1, 0, 1), (120, 1, 0, 0)],
    ),
    "all pods go at once after the cooldown": (CHART, [(0, 20, 1, 20), (65, 20, 0, 0)]),
    "a message within the cooldown begins it anew": (
        CHART,
        [(0, 2, 1, 2), (50, 2, 1, 2), (105, 2, 0, 2), (115, 2, 0, 0)],
    ),
    "no cooldown goes on to the minimum": (replace(CHART, minimum=2), [(0, 2, 1, 2), (500, 2, 0, 2)]),
}

HPA: dict[str, tuple[ScaledObject, Steps]] = {
    "with no pod it is switched off": (CHART, [(0, 0, 500, 0)]),
    "one pod is the least, whatever the queue says": (AT_ONCE, [(0, 1, 0, 1)]),
    "exactly on target nothing changes": (CHART, [(0, 3, 30, 3)]),
    "ten percent above are tolerated": (CHART, [(0, 10, 110, 10)]),
    "one message more is not": (CHART, [(0, 10, 111, 12)]),
    "ten percent below are tolerated": (AT_ONCE, [(0, 10, 90, 10), (15, 10, 90, 10)]),
    "the number wanted is rounded up": (CHART, [(0, 2, 31, 4)]),
    "four pods in 15 seconds may be added to one": (CHART, [(0, 1, 1000, 5)]),
    "from five on, doubling is more than four": (
        CHART,
        [(0, 1, 1000, 5), (15, 5, 1000, 10), (30, 10, 1000, 20)],
    ),
    "what was added within the period counts": (
        CHART,
        [(0, 1, 1000, 5), (10, 5, 1000, 5), (15, 5, 1000, 10)],
    ),
    "never more than the most": (CHART, [(0, 15, 1000, 20)]),
    "above the most: the most, without looking at the queue": (CHART, [(0, 25, 0, 20)]),
    "below the least: the least, without looking at the queue": (
        replace(CHART, minimum=5),
        [(0, 2, 1000, 5)],
    ),
    "half of the pods go in a minute": (
        AT_ONCE,
        # The number at its first look counts as advice; at 15 s it is out of the window of no length.
        [(15, 9, 10, 4), (30, 4, 10, 4), (60, 4, 10, 4), (75, 4, 10, 2), (135, 2, 10, 1)],
    ),
    "pods stay as long as any advice of the window was higher": (
        CHART,
        [(0, 10, 100, 10), (15, 10, 0, 10), (885, 10, 0, 10), (900, 10, 0, 5)],
    ),
    "of a window it is the highest advice that counts": (
        replace(CHART, down=Direction(60, (Policy("Percent", 100, 15),))),
        [(0, 8, 80, 8), (15, 8, 60, 8), (30, 8, 20, 8), (60, 8, 20, 6), (75, 6, 20, 2)],
    ),
    "what was added counts when pods go": (
        replace(AT_ONCE, up=Direction(0, (Policy("Pods", 8, 60),))),
        # A minute began with 2 pods: half of them would be 1, so what is wanted is no further.
        [(0, 2, 1000, 10), (15, 10, 30, 3)],
    ),
    "a window upwards takes the lowest advice": (
        replace(CHART, up=Direction(60, (Policy("Percent", 900, 15),))),
        [(0, 2, 40, 2), (15, 2, 50, 2), (60, 2, 100, 5), (75, 5, 100, 10)],
    ),
    "the smallest change where that is chosen": (
        replace(CHART, up=Direction(0, (Policy("Pods", 1, 15), Policy("Percent", 100, 15)), "Min")),
        [(0, 6, 1000, 7)],
    ),
    "no change where that is chosen": (replace(CHART, up=Direction(0, (), "Disabled")), [(0, 6, 1000, 6)]),
    "a third of one pod is a whole one upwards": (
        replace(CHART, up=Direction(0, (Policy("Percent", 30, 15),))),
        [(0, 1, 1000, 2)],
    ),
    "and none at all downwards": (
        replace(CHART, down=Direction(0, (Policy("Percent", 30, 15),))),
        [(15, 5, 10, 3)],
    ),
}


@pytest.mark.parametrize(("scaled", "steps"), KEDA.values(), ids=KEDA)
def test_keda_decides_as_its_source_does(scaled: ScaledObject, steps: Steps) -> None:
    keda = Keda(scaled)
    assert [keda.decide(now, pods, messages) for now, pods, messages, _ in steps] == [
        step[3] for step in steps
    ]


@pytest.mark.parametrize(("scaled", "steps"), HPA.values(), ids=HPA)
def test_the_hpa_decides_as_its_source_does(scaled: ScaledObject, steps: Steps) -> None:
    hpa = Hpa(scaled)
    assert [hpa.decide(now, pods, messages) for now, pods, messages, _ in steps] == [
        step[3] for step in steps
    ]
