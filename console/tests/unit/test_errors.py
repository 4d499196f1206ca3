import pytest

from console.errors import refused
from darkroom_client import (
    ApiError,
    BadArgumentError,
    ConflictError,
    DarkroomError,
    Fault,
    NoAnswerError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
    UnexpectedAnswerError,
)

FAULTS = [
    Fault("bad_value", "width must be positive", "task.content.width"),
    Fault("missing_field", "x", None),
]


@pytest.mark.parametrize(
    ("kind", "status"),
    [(ApiError, 400), (ConflictError, 409), (ThrottledError, 429), (UnavailableError, 503)],
)
def test_a_refusal_of_the_api_keeps_its_status_and_words(kind: type[ApiError], status: int) -> None:
    error = refused(kind(status, FAULTS))
    assert error.status == status
    assert [fault.model_dump() for fault in error.refusal().errors] == [vars(fault) for fault in FAULTS]
    assert error.refusal().error == error.refusal().errors[0]


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_the_api_refuses_is_not_told_as_if_the_page_were_not_let_in(status: int) -> None:
    error = refused(UnauthorizedError(status, [Fault("unauthorized", "no or wrong API key")]))
    assert (error.status, error.faults[0].code) == (502, "unavailable")
    assert "this console's API key" in error.faults[0].message


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        (NoAnswerError("the API does not answer: ConnectError"), 502, "unavailable"),
        (UnexpectedAnswerError("not an answer of the API", status=200), 502, "unavailable"),
        (BadArgumentError("no"), 400, "bad_value"),
    ],
)
def test_other_errors_of_the_client_have_codes_too(given: DarkroomError, status: int, code: str) -> None:
    error = refused(given)
    assert (error.status, error.faults[0].code, error.faults[0].message) == (status, code, str(given))
