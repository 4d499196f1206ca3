from pathlib import Path

import pytest

from tests.bench.validator_import import LIMIT, TRACING_COLD, TRACING_WARM, Comparison, compare


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    built = sorted(
        (*Path().glob("validator-[0-9]*.zip"), *Path("dist").glob("validator-[0-9]*.zip"))
    )  # Pants puts it here
    made = compare(built[-1] if built else None)
    print(made)
    return made


def test_the_validator_starts_nearly_as_fast_as_boto3_does(comparison: Comparison) -> None:
    assert comparison.ratio <= LIMIT


def test_tracing_costs_little_of_a_cold_start(comparison: Comparison) -> None:
    assert comparison.tracing_cold <= TRACING_COLD


def test_tracing_costs_little_of_a_request(comparison: Comparison) -> None:
    assert comparison.tracing_warm <= TRACING_WARM
