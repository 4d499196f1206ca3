"""What makes clients quick to make must not change what they call."""

from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.loaders import Loader
from botocore.session import Session

from validator import clients
from validator.clients import CONFIG, QUICK, S3, quick_session

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "sns": ("publish", {"TopicArn": "arn", "Message": "m"}),
    "dynamodb": ("get_item", {"TableName": "tasks", "Key": {"id": {"S": "t"}}}),
}


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def _sent(session: Session, service: str, region: str, endpoint_url: str | None = None) -> tuple[str, ...]:
    """Return the URL of a call, and who signs what for where; nothing leaves the process."""
    operation, arguments = CALLS[service]
    client = session.create_client(service, region_name=region, config=CONFIG, endpoint_url=endpoint_url)
    sent: list[Any] = []

    def answer(request: Any, **_kwargs: Any) -> AWSResponse:
        sent.append(request)
        response = AWSResponse(request.url, 200, {}, None)
        response._content = b"{}" if service == "dynamodb" else b"<r><PublishResult/></r>"
        return response

    client.meta.events.register("before-send", answer)
    getattr(client, operation)(**arguments)
    authorization = sent[0].headers["Authorization"].decode()
    scope = authorization.partition("Credential=a/")[2].partition(",")[0].split("/", 1)[1]
    return sent[0].url, scope, client.meta.partition, client.meta.config.signature_version


@pytest.mark.parametrize(
    "region", ["us-east-1", "eu-central-1", "ap-southeast-7", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"]
)
@pytest.mark.parametrize("service", QUICK)
def test_a_quick_client_calls_and_signs_as_any_other(service: str, region: str) -> None:
    assert _sent(quick_session(), service, region) == _sent(Session(), service, region)


@pytest.mark.parametrize("service", QUICK)
def test_a_quick_client_follows_an_endpoint_that_is_given(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = _sent(quick_session(), service, "us-east-1", "http://127.0.0.1:4566")
    assert given == _sent(Session(), service, "us-east-1", "http://127.0.0.1:4566")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert _sent(quick_session(), service, "us-east-1") == given


def test_a_slow_service_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    session = quick_session()
    for client in (S3({}).client(), *(session.create_client(service, config=CONFIG) for service in QUICK)):
        config = client.meta.config
        assert (config.connect_timeout, config.read_timeout) == (1, 3)
        assert config.retries == {"mode": "standard", "total_max_attempts": 3}


@pytest.mark.parametrize(("env", "style"), [({}, "virtual"), ({"AWS_ENDPOINT_URL": "http://x"}, "path")])
def test_s3_is_called_with_todays_signature_and_at_another_endpoint_by_path(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], style: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3 = S3(env)
    config = s3.client().meta.config
    assert config.s3["addressing_style"] == style
    assert config.signature_version == "s3v4"
    assert s3.client() is s3.client()
    assert s3.credentials().access_key == "a"


def test_partitions_of_another_shape_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "partitions.json").write_text('{"partitions": [{"id": "aws"}]}')
    loader = clients._QuickLoader(extra_search_paths=[str(tmp_path)])
    assert loader.load_data_with_path("endpoints")[0] == Loader().load_data_with_path("endpoints")[0]
