import json
from collections.abc import Callable
from typing import Any

import pytest

from task_schema import Fault, Refusal, RequestCode, RequestRefusedError, TaskCode, TaskError
from task_schema._faults import MAX_FAULTS

type Parse = Callable[[Any], Any]
type Body = Callable[..., Any]

STATUSES = {
    "bad_json": 400,
    "missing_field": 400,
    "bad_value": 400,
    "unknown_field": 400,
    "unknown_runtime": 400,
    "unsupported_tasktype": 400,
    "model_not_served": 400,
    "bad_graph": 400,
    "unauthorized": 401,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "too_large": 413,
    "unsupported_media_type": 415,
    "throttled": 429,
    "unavailable": 503,
}
# Sending the very same request again may help.
RETRYABLE = {
    "input_unreachable",
    "out_of_memory",
    "timeout",
    "attempts_exhausted",
    "not_published",
    "expired",
    "conflict",
    "internal",
}
LASTING = {
    "unreadable_message",
    "unknown_runtime",
    "unsupported_tasktype",
    "input_refused",
    "input_too_large",
    "runtime_refused",
    "bad_graph",
    "unknown_model",
    "no_output",
    "cancelled",
}


def test_every_code_has_the_status_of_the_design() -> None:
    assert {code.value: code.http_status for code in RequestCode} == STATUSES


def test_every_task_code_says_whether_to_send_again() -> None:
    assert {code.value for code in TaskCode if code.retryable} == RETRYABLE
    assert {code.value for code in TaskCode if not code.retryable} == LASTING
    assert TaskError.of(TaskCode.TIMEOUT, "slow").retryable


def test_a_refusal_names_the_first_fault_and_lists_all() -> None:
    faults = [
        Fault(code=RequestCode.BAD_VALUE, message="a", field="x"),
        Fault(code=RequestCode.CONFLICT, message="b"),
    ]
    refused = RequestRefusedError(faults)
    assert json.loads(refused.refusal().model_dump_json()) == {
        "error": {"code": "bad_value", "message": "a", "field": "x"},
        "errors": [
            {"code": "bad_value", "message": "a", "field": "x"},
            {"code": "conflict", "message": "b", "field": None},
        ],
    }
    assert refused.http_status == 400
    assert RequestRefusedError.of(RequestCode.CONFLICT, "b").http_status == 409


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "the body: must be an object"),
        ({"task": []}, "task: must be an object"),
        ({"task": {"metadata": "x", "content": {}}}, "task.metadata: must be an object"),
        ({"task": {"metadata": {}, "content": []}}, "task.content: must be an object"),
    ],
)
def test_a_fault_is_told_in_the_words_of_json(parse2: Parse, body: Any, message: str) -> None:
    with pytest.raises(RequestRefusedError) as caught:
        parse2(body)
    assert message in [fault.message for fault in caught.value.faults]


def test_no_fault_speaks_of_our_types(parse1: Parse, parse2: Parse, request_v2: Body) -> None:
    content = {
        "styles": "x",
        "alwayson_scripts": [],
        "comments": 1,
        "script_args": {},
        "override_settings": 1,
    }
    refused = []
    for parse, body in ((parse1, {"alwayson_scripts": []}), (parse1, 5), (parse2, request_v2(content))):
        with pytest.raises(RequestRefusedError) as caught:
            parse(body)
        refused += [fault.message for fault in caught.value.faults]
    assert len(refused) == 7
    assert all("must be a" in message for message in refused)


def test_a_refusal_without_a_fault_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="at least one fault"):
        RequestRefusedError([])


def test_a_refusal_stays_small_however_much_is_wrong() -> None:
    faults = [Fault(code=RequestCode.BAD_VALUE, message="m" * 10**6, field="f" * 10**6)] * 10_000
    refusal = RequestRefusedError(faults).refusal()
    assert len(refusal.errors) == MAX_FAULTS + 1
    assert refusal.errors[-1].message == f"and {10_000 - MAX_FAULTS} more faults"
    assert len(refusal.model_dump_json()) < 100_000
    assert Refusal.model_validate_json(refusal.model_dump_json()) == refusal
