"""What the API's reference says of numbers is what the functions hold to."""

from status.asked import MAX_LIMIT, USUAL_LIMIT
from status.reading import LATEST, MAX_WAIT, SOONEST
from task_schema.openapi import document
from validator.bodies import MAX_IDEMPOTENCY_KEY

DOCUMENT = document()


def parameters(path: str) -> dict[str, dict[str, object]]:
    return {each["name"]: each["schema"] for each in DOCUMENT["paths"][path]["get"]["parameters"]}


def test_a_request_may_wait_as_long_as_the_status_function_lets_it() -> None:
    assert parameters("/v1alpha2/tasks/{id}")["wait"]["maximum"] == MAX_WAIT


def test_a_page_has_as_many_tasks_as_the_status_function_gives_it() -> None:
    limit = parameters("/v1alpha2/tasks")["limit"]
    assert (limit["default"], limit["maximum"]) == (USUAL_LIMIT, MAX_LIMIT)


def test_retry_after_of_a_task_is_within_what_is_said() -> None:
    schema = DOCUMENT["components"]["headers"]["AskAgainAfter"]["schema"]
    assert (schema["minimum"], schema["maximum"]) == (SOONEST, LATEST)


def test_an_idempotency_key_is_as_long_as_the_validator_takes() -> None:
    schema = DOCUMENT["components"]["parameters"]["IdempotencyKey"]["schema"]
    assert schema["maxLength"] == MAX_IDEMPOTENCY_KEY
