from pathlib import Path

from tests.bench.validator_import import LIMIT, compare


def test_the_validator_starts_nearly_as_fast_as_boto3_does() -> None:
    built = sorted(
        (*Path().glob("validator-*.zip"), *Path("dist").glob("validator-*.zip"))
    )  # Pants puts it here
    comparison = compare(built[-1] if built else None)
    print(comparison)
    assert comparison.ratio <= LIMIT
