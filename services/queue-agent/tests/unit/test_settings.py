from typing import Any

import pytest

from queue_agent.errors import SettingsError
from queue_agent.settings import Settings

ENV = {
    "RUNTIME_NAME": "sdruntime",
    "RUNTIME_TYPE": "sdwebui",
    "RUNTIME_URL": "http://127.0.0.1:8080",
    "QUEUE_URL": "http://localhost/000000000000/q",
    "TASKS_TABLE": "tasks",
    "NOTIFICATIONS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:n",
    "OUTPUT_BUCKET": "out",
    "PAYLOAD_BUCKET": "payloads",
}


def test_defaults_are_those_of_the_design() -> None:
    settings = Settings.from_env(ENV)
    assert (settings.visibility_seconds, settings.beat_seconds, settings.max_attempts) == (60, 20, 3)
    assert settings.allowed_input_hosts == ()


def test_lists_are_read_as_json() -> None:
    env = {
        **ENV,
        "ALLOWED_INPUT_HOSTS": '["127.0.0.0/8"]',
        "ALLOWED_INPUT_S3": '["b/p"]',
        "DYNAMIC_MODEL": "true",
    }
    settings = Settings.from_env(env)
    assert (settings.allowed_input_hosts, settings.allowed_input_s3) == (("127.0.0.0/8",), ("b/p",))
    assert settings.dynamic_model


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"RUNTIME_NAME": ""}, ["RUNTIME_NAME", "required"]),
        ({"RUNTIME_URL": "ftp://x"}, ["RUNTIME_URL"]),
        ({"ALLOWED_INPUT_HOSTS": "127.0.0.1"}, ["ALLOWED_INPUT_HOSTS", "JSON"]),
        ({"VISIBILITY_SECONDS": "0"}, ["VISIBILITY_SECONDS"]),
        ({"BEAT_SECONDS": "50"}, ["BEAT_SECONDS", "VISIBILITY_SECONDS"]),
        ({"QUEUE_URL": "", "TASKS_TABLE": ""}, ["QUEUE_URL", "TASKS_TABLE"]),
    ],
)
def test_wrong_settings_are_all_named(changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({**ENV, **changes})
    for word in words:
        assert word in str(caught.value)


def test_a_custom_type_is_checked_by_the_task_types_that_its_adapter_names() -> None:
    settings = Settings.from_env({**ENV, "RUNTIME_TYPE": "invoke"})
    assert settings.runtime_spec(frozenset({"b", "a"})).serves == ("a", "b")


def test_a_limit_or_warm_up_of_a_type_that_is_not_served_is_named() -> None:
    served = frozenset({"text-to-image"})
    right = Settings.from_env({**ENV, "INFERENCE_LIMITS": '{"text-to-image": 3}'})
    right.check_task_types(served)
    for variable, value in (
        ("INFERENCE_LIMITS", '{"pipeline": 3}'),
        ("WARM_UP", '{"tasktype": "pipeline", "content": {}}'),
    ):
        wrong = Settings.from_env({**ENV, variable: value})
        with pytest.raises(SettingsError, match=f"{variable}: .* pipeline; it serves text-to-image"):
            wrong.check_task_types(served)


@pytest.mark.parametrize("level", ["debug", "Info", "WARNING"])
def test_a_log_level_may_be_written_in_any_case(level: str) -> None:
    assert Settings.from_env({**ENV, "LOG_LEVEL": level}).log_level == level.upper()


def test_a_wrong_log_level_is_named() -> None:
    with pytest.raises(SettingsError, match="LOG_LEVEL"):
        Settings.from_env({**ENV, "LOG_LEVEL": "loud"})
