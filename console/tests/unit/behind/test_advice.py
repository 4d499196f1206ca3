import pytest

from console.advice import advice_on
from task_schema import TaskCode


@pytest.mark.parametrize("code", [code for code in TaskCode if code is not TaskCode.CANCELLED])
def test_each_error_has_advice_of_its_own(code: TaskCode) -> None:
    others = {advice_on(other) for other in TaskCode if other is not code}
    assert advice_on(code.value)
    assert advice_on(code.value) not in {*others, advice_on("of a newer API")}


def test_what_somebody_cancelled_needs_no_advice() -> None:
    assert advice_on("cancelled") is None


def test_an_error_of_a_newer_api_has_advice_too() -> None:
    assert "message" in (advice_on("brand_new") or "")
