"""The entry point as Lambda starts it."""

import importlib
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from lambda_api.testing import rest_event

ENV = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "TASKS_TABLE": "tasks",
    "NOTIFICATIONS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:notifications",
    "PAYLOAD_BUCKET": "payload",
    "OUTPUT_BUCKET": "outputs",
    "RUNTIMES": '{"sdruntime": "sdoneks-sdruntime"}',
    "POWERTOOLS_SERVICE_NAME": "status",
}
PROGRAM = """
import json, sys
import status.handler
print(json.dumps({"answer": callable(status.handler.handler), "modules": sorted(sys.modules)}))
"""


def start(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    path = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env=env | path, capture_output=True, text=True, check=False
    )


def test_a_fresh_function_imports_no_more_than_it_needs() -> None:
    done = start(ENV)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["answer"]
    packages = {module.partition(".")[0] for module in told["modules"]}
    assert not {"boto3", "httpx", "opentelemetry", "PIL", "requests"} & packages


def test_a_function_that_lacks_a_variable_does_not_start_and_says_why() -> None:
    done = start({name: value for name, value in ENV.items() if name != "TASKS_TABLE"})
    assert done.returncode == 1
    assert "SettingsError" in done.stderr
    assert "TASKS_TABLE" in done.stderr


def test_what_is_no_route_is_not_found_without_asking_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    sys.modules.pop("status.handler", None)
    handler = importlib.import_module("status.handler").handler
    event = rest_event("GET", "/v1alpha2/elsewhere", headers={})
    context = SimpleNamespace(
        aws_request_id="r",
        function_name="status",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:status",
        get_remaining_time_in_millis=lambda: 15_000,
    )
    answer = handler(event, context)
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["error"]["code"] == "not_found"
