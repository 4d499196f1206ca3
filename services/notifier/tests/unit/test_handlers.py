"""The entry points as Lambda starts them: a fresh process with nothing but an environment."""

import json
import subprocess
import sys

import pytest

ENV = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "TASKS_TABLE": "tasks",
    "NOTIFICATIONS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:notifications",
    "PAYLOAD_BUCKET": "payload",
    "OUTPUT_BUCKET": "outputs",
    "LETTERS": "dead",
    "POWERTOOLS_SERVICE_NAME": "notifier",
}
WEBHOOKS = {
    "PAYLOAD_BUCKET": "payload",
    "WEBHOOK_RETRY_QUEUE_URL": "https://sqs/retry",
    "WEBHOOK_DEAD_LETTERS_URL": "https://sqs/dead",
    "WEBHOOK_SECRET": "hooks",
}
PROGRAM = """
import importlib, json, sys
module = importlib.import_module(sys.argv[1])
print(json.dumps({"answer": callable(module.handler), "modules": sorted(sys.modules)}))
"""


def run(module: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    path = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, module], env=env | path, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("module", ["notifier.letters_handler", "notifier.sweeper_handler"])
def test_a_fresh_function_imports_no_more_than_it_needs(module: str) -> None:
    done = run(module, ENV)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["answer"]
    packages = {module.partition(".")[0] for module in told["modules"]}
    assert not {"boto3", "httpx", "opentelemetry", "PIL", "requests"} & packages


@pytest.mark.parametrize("module", ["notifier.letters_handler", "notifier.sweeper_handler"])
def test_a_function_that_lacks_a_variable_does_not_start_and_says_why(module: str) -> None:
    done = run(module, {name: value for name, value in ENV.items() if name != "PAYLOAD_BUCKET"})
    assert done.returncode == 1
    assert "SettingsError" in done.stderr
    assert "PAYLOAD_BUCKET" in done.stderr


def test_the_entry_points_read_their_environment_when_they_are_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    for module in ("notifier.letters_handler", "notifier.sweeper_handler"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    from notifier.letters_handler import handler as letters
    from notifier.sweeper_handler import handler as sweeper

    assert letters({"Records": []}, None) == {"batchItemFailures": []}
    assert callable(sweeper)


def test_the_function_of_the_webhooks_starts_with_nothing_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = run("notifier.webhooks_handler", {name: ENV[name] for name in list(ENV)[:4]} | WEBHOOKS)
    assert done.returncode == 0, done.stderr
    packages = {module.partition(".")[0] for module in json.loads(done.stdout)["modules"]}
    assert not {"boto3", "opentelemetry", "PIL", "requests"} & packages
    for name, value in (ENV | WEBHOOKS).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "notifier.webhooks_handler", raising=False)
    from notifier.webhooks_handler import handler

    assert handler({"Records": []}, None) == {"batchItemFailures": []}


def test_the_function_of_the_webhooks_does_not_start_without_a_secret() -> None:
    done = run("notifier.webhooks_handler", ENV | WEBHOOKS | {"WEBHOOK_SECRET": ""})
    assert done.returncode == 1
    assert "WEBHOOK_SECRET" in done.stderr
