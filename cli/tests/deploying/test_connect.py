from pathlib import Path

import pytest
from moto import mock_aws

from darkroom_cli.deploying.aws import connect
from darkroom_cli.deploying.findings import Code, Findings


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials of nobody, and no file or region of whoever runs the tests."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@mock_aws
def test_account_and_partition_are_known() -> None:
    findings = Findings()
    aws = connect("us-east-1", None, findings)
    assert aws is not None
    assert (aws.account, aws.partition, findings.found) == ("123456789012", "aws", [])
    assert aws.registry == "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@mock_aws
def test_the_region_of_the_profile_is_taken(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile studio]\nregion = eu-west-1\n")
    (tmp_path / "credentials").write_text("[studio]\naws_access_key_id = a\naws_secret_access_key = b\n")
    aws = connect(None, "studio", Findings())
    assert aws is not None
    assert aws.region == "eu-west-1"


@mock_aws
def test_the_region_that_all_programs_of_aws_read_wins_over_the_profiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    aws = connect(None, None, Findings())
    assert aws is not None
    assert aws.region == "us-west-2"


@pytest.mark.parametrize(
    ("region", "profile", "code", "words"),
    [
        (None, None, Code.NO_REGION, "--region"),
        ("us-east-1", "nobody", Code.NO_PROFILE, "nobody"),
        ("xx-north-9", None, Code.REGION_UNKNOWN, "xx-north-9"),
    ],
)
def test_what_is_missing_to_connect_is_told(
    region: str | None, profile: str | None, code: Code, words: str
) -> None:
    findings = Findings()
    assert connect(region, profile, findings) is None
    [found] = findings.found
    assert found.code is code
    assert words in found.text
