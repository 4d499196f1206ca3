import pytest

from status.errors import SettingsError
from status.settings import read_settings

ENV = {
    "TASKS_TABLE": "tasks",
    "NOTIFICATIONS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:notifications",
    "PAYLOAD_BUCKET": "payloads",
    "OUTPUT_BUCKET": "outputs",
    "RUNTIMES": '{"sdruntime": "queue", "other": null}',
}


@pytest.mark.parametrize("name", ENV)
def test_a_variable_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({key: value for key, value in ENV.items() if key != name})


def test_the_runtimes_have_queues_or_none() -> None:
    assert read_settings(ENV).runtimes == {"sdruntime": "queue", "other": None}
