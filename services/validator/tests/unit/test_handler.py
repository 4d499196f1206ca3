import json
import subprocess
import sys
from typing import Any

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
    log, told = (json.loads(line) for line in done.stdout.splitlines())
    assert told["answer"]["statusCode"] == 400
    assert told["gc"]
    assert not {"boto3", "s3transfer", "httpx", "PIL", "requests"} & set(told["modules"])
    assert (log["service"], log["outcome"], log["status"]) == ("validator", "refused", 400)


def test_a_function_that_lacks_a_variable_does_not_start_and_says_why(event: Any) -> None:
    done = run(event("{}"), {name: value for name, value in ENV.items() if name != "TASKS_TABLE"})
    assert done.returncode == 1
    assert "SettingsError" in done.stderr
    assert "TASKS_TABLE" in done.stderr
