import json
import socket
import subprocess
import sys
from typing import Any

import pytest

ENV = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "TASKS_TABLE": "tasks",
    "REQUESTS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:requests",
    "PAYLOAD_BUCKET": "payload",
    "OUTPUT_BUCKET": "outputs",
    "RUNTIMES": '[{"name":"a","type":"comfyui"}]',
    "POWERTOOLS_SERVICE_NAME": "validator",
}
PROGRAM = """
import gc, json, sys
import validator.handler
answer = validator.handler.handler(json.load(sys.stdin), None)
print(json.dumps({"answer": answer, "modules": sorted(sys.modules), "gc": gc.isenabled()}))
"""


def run(event: Any, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Start the function afresh, as Lambda does, and send it one event."""
    path = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(event),
        env=env | path,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_fresh_function_answers_and_imports_no_more_than_it_needs(event: Any) -> None:
    done = run(event("{}", headers={"Content-Type": "application/json"}), ENV)
    log, counted, told = (json.loads(line) for line in done.stdout.splitlines())
    assert told["answer"]["statusCode"] == 400
    assert told["gc"]
    modules = set(told["modules"])
    assert not {"boto3", "s3transfer", "httpx", "PIL", "requests"} & modules
    assert not any(module.split(".")[0] == "opentelemetry" for module in modules)
    assert (log["service"], log["outcome"], log["status"]) == ("validator", "refused", 400)
    assert (counted["Refused"], counted["code"], counted["service"]) == (1, "missing_field", "validator")


def test_a_fresh_function_sends_its_spans_to_the_daemon_that_it_is_told(event: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(5)
        traced = {
            "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
            "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        }
        done = run(event("{}", headers={"Content-Type": "application/json"}), ENV | traced)
        sent = [json.loads(daemon.recv(65536).partition(b"\n")[2]) for _ in range(2)]
    assert [document["name"] for document in sent] == ["parse", "POST /v1alpha2"]
    assert {document["metadata"]["darkroom"]["service"] for document in sent} == {"darkroom-validator"}
    log = json.loads(done.stdout.splitlines()[0])
    assert (log["trace_id"], log["span_id"]) == ("5759e988bd862e3fe1be46a994272793", sent[1]["id"])


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nobody.invalid:2000", "nonsense", "127.0.0.1:99999", ""])
def test_a_daemon_that_is_not_there_fails_nothing(event: Any, address: str) -> None:
    traced = {
        "AWS_XRAY_DAEMON_ADDRESS": address,
        "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
    }
    done = run(event("{}", headers={"Content-Type": "application/json"}), ENV | traced)
    assert json.loads(done.stdout.splitlines()[-1])["answer"]["statusCode"] == 400
    assert done.stderr == ""


def test_a_function_that_lacks_a_variable_does_not_start_and_says_why(event: Any) -> None:
    done = run(event("{}"), {name: value for name, value in ENV.items() if name != "TASKS_TABLE"})
    assert done.returncode == 1
    assert "SettingsError" in done.stderr
    assert "TASKS_TABLE" in done.stderr
