"""The API never answers with 500, nor with anything that its reference does not say (schemathesis).

Requests are made from the reference: such as it allows, and such as it does not. The same ones each time.
"""

from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from task_schema.openapi import document
from tests.e2e.user import User

EXAMPLES = 12  # requests of each kind, for each method of each path
TIMEOUT = 60.0  # seconds for one of them
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DOCUMENT = document()
METHODS = [(path, verb) for path, item in DOCUMENT["paths"].items() for verb in item if verb != "parameters"]
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)


def asked(user: User, path: str, verb: str, mode: GenerationMode) -> Counter[int]:
    """Send requests and check each answer; return how many there were of each status."""
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=SCHEMA[path][verb.upper()].as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        key = {"x-api-key": user.state.api_key}
        answer = case.call(base_url=user.state.endpoint, headers=key, timeout=TIMEOUT)
        case.validate_response(answer, checks=CHECKS)
        statuses[answer.status_code] += 1

    ask()
    return statuses


@pytest.mark.parametrize(("path", "verb"), METHODS)
def test_what_the_reference_allows_is_answered_as_it_says(user: User, path: str, verb: str) -> None:
    statuses = asked(user, path, verb, GenerationMode.POSITIVE)
    assert sum(statuses.values()) >= EXAMPLES
    assert max(statuses) < 500


@pytest.mark.parametrize(("path", "verb"), METHODS)
def test_what_the_reference_forbids_is_refused_as_it_says(user: User, path: str, verb: str) -> None:
    statuses = asked(user, path, verb, GenerationMode.NEGATIVE)
    assert statuses, "nothing was asked"
    assert any(400 <= status < 500 for status in statuses), statuses
    assert max(statuses) < 500
