import pytest

from local.sketch.errors import BadFaultError
from local.sketch.faults import Fault, FaultKind, FaultPlan


def test_a_fault_hits_the_jobs_that_it_was_planned_for_and_no_more() -> None:
    plan = FaultPlan([{"kind": "oom", "next": 2, "after": 1}])
    taken = [plan.take() for _ in range(4)]
    assert [fault.kind if fault else None for fault in taken] == [None, FaultKind.OOM, FaultKind.OOM, None]


def test_faults_strike_in_the_order_in_which_they_were_planned() -> None:
    plan = FaultPlan([Fault(FaultKind.HANG), {"kind": "oom"}])
    assert [fault.kind for _ in range(2) if (fault := plan.take())] == [FaultKind.HANG, FaultKind.OOM]
    assert plan.pending() == []


def test_what_was_not_taken_can_be_forgotten() -> None:
    plan = FaultPlan([{"kind": "oom"}])
    plan.clear()
    assert plan.take() is None


@pytest.mark.parametrize(
    "spec", [{}, {"kind": "nonsense"}, {"kind": "oom", "next": "many"}, {"kind": "oom", "x": 1}]
)
def test_a_fault_that_nobody_knows_is_refused(spec: dict[str, object]) -> None:
    with pytest.raises(BadFaultError):
        FaultPlan([spec])
