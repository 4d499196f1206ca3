import pytest

from validator.errors import SettingsError
from validator.settings import read_settings

ENV = {
    "TASKS_TABLE": "tasks",
    "REQUESTS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:requests",
    "PAYLOAD_BUCKET": "payload",
    "OUTPUT_BUCKET": "outputs",
    "RUNTIMES": '[{"name":"a","type":"sdwebui","modelFilename":"m.ckpt"},{"name":"b","type":"comfyui"}]',
    "HOME": "/root",
}


def test_the_environment_is_read() -> None:
    settings = read_settings(ENV)
    assert settings.tasks_table == "tasks"
    assert settings.insecure_callbacks is False
    runtime = settings.deployment.runtime("a")
    assert runtime is not None
    assert runtime.model_filename == "m.ckpt"
    assert settings.deployment.runtime("b") is not None


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False)])
def test_insecure_callbacks_are_switched_on_by_a_word(text: str, value: bool) -> None:
    assert read_settings({**ENV, "INSECURE_CALLBACKS": text}).insecure_callbacks is value


def test_fair_queues_and_the_size_of_inputs_are_settings_with_a_default() -> None:
    settings = read_settings(ENV)
    assert (settings.fair_queues, settings.input_max) == (True, 32 * 1024 * 1024)
    settings = read_settings({**ENV, "FAIR_QUEUES": "false", "INPUT_MAX": "1000"})
    assert (settings.fair_queues, settings.input_max) == (False, 1000)


@pytest.mark.parametrize("name", sorted(ENV.keys() - {"HOME"}))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({key: value for key, value in ENV.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TASKS_TABLE", ""),
        ("RUNTIMES", "secret {"),
        ("RUNTIMES", '{"name": "secret"}'),
        ("RUNTIMES", '[{"name": "secret"}]'),
        ("RUNTIMES", '[{"name": "a", "type": "sdwebui", "secret": 1}]'),
        ("INSECURE_CALLBACKS", "secret"),
        ("FAIR_QUEUES", "secret {"),
        ("INPUT_MAX", "0"),
    ],
)
def test_a_wrong_variable_is_named_without_its_value(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as wrong:
        read_settings({**ENV, name: value})
    assert "secret {" not in str(wrong.value)
    assert wrong.value.__cause__ is None
