import traceback
from typing import Any

from telemetry.failures import cause_of, where

SECRET = "a secret prompt"


class AnswerError(Exception):
    """As the SDK raises it for a refusal."""

    def __init__(self, response: dict[str, Any]) -> None:
        super().__init__(SECRET)
        self.response = response
        self.operation_name = "Publish"


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    error.__cause__ = cause
    return error


def deep(levels: int) -> None:
    if levels:
        deep(levels - 1)
    raise ValueError(SECRET)


def test_an_error_is_named_with_the_last_of_its_causes_and_no_words() -> None:
    middle = raised(LookupError(SECRET), ZeroDivisionError(SECRET))
    assert cause_of(raised(RuntimeError(SECRET), middle)) == {
        "error": "RuntimeError",
        "cause": "ZeroDivisionError",
    }


def test_of_aws_there_are_the_code_the_operation_and_the_request() -> None:
    answer = AnswerError({"Error": {"Code": "Throttled"}, "ResponseMetadata": {"RequestId": "r-1"}})
    assert cause_of(raised(RuntimeError(), answer)) == {
        "error": "RuntimeError",
        "cause": "AnswerError",
        "aws_code": "Throttled",
        "aws_operation": "Publish",
        "aws_request_id": "r-1",
    }


def test_an_answer_that_says_nothing_is_named_all_the_same() -> None:
    assert cause_of(AnswerError({}))["aws_code"] == "None"


def test_the_last_places_are_told_and_no_words() -> None:
    try:
        deep(20)
    except ValueError as exc:
        places = where(exc)
        line = traceback.extract_tb(exc.__traceback__)[-1].lineno
    assert len(places) == 6
    assert places[-1] == f"test_failures.py:{line} deep"


def test_an_error_that_was_never_raised_comes_from_nowhere() -> None:
    assert where(ValueError(SECRET)) == []
