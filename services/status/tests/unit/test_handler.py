"""The entry point, in a process of its own: imports and settings."""

import os
import subprocess
import sys

import pytest

from status.errors import SettingsError
from status.settings import read_settings

ENVIRONMENT = {
    "TASKS_TABLE": "tasks",
    "NOTIFICATIONS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:notifications",
    "PAYLOAD_BUCKET": "payloads",
    "OUTPUT_BUCKET": "outputs",
    "RUNTIMES": '{"sdruntime": "queue", "other": null}',
}


def test_the_function_starts_with_its_environment_and_no_network() -> None:
    aws = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    program = "from status.handler import handler; print(callable(handler))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **aws, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True\n"


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_variable_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({key: value for key, value in ENVIRONMENT.items() if key != name})


def test_the_runtimes_have_queues_or_none() -> None:
    assert read_settings(ENVIRONMENT).runtimes == {"sdruntime": "queue", "other": None}
