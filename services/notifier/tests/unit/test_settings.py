import pytest

from notifier.errors import SettingsError
from notifier.settings import Kind, LetterSettings, SweeperSettings

ENV = {
    "TASKS_TABLE": "tasks",
    "NOTIFICATIONS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:notifications",
    "PAYLOAD_BUCKET": "payload",
    "OUTPUT_BUCKET": "outputs",
}


def test_a_function_of_letters_knows_their_kind_and_the_runtimes() -> None:
    settings = LetterSettings.read({**ENV, "LETTERS": "unrouted", "RUNTIMES": '["a","b"]', "HOME": "/"})
    assert (settings.letters, settings.runtimes) == (Kind.UNROUTED, ("a", "b"))
    assert LetterSettings.read({**ENV, "LETTERS": "dead"}).runtimes == ()


def test_the_sweeper_s_limits_are_the_design_s_unless_told_otherwise() -> None:
    settings = SweeperSettings.read(ENV)
    assert settings.not_published_after_seconds == 15 * 60
    assert settings.retention_seconds == 14 * 24 * 3600
    assert SweeperSettings.read({**ENV, "NOT_PUBLISHED_AFTER_SECONDS": "3"}).not_published_after_seconds == 3


@pytest.mark.parametrize("name", sorted(ENV))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        SweeperSettings.read({key: value for key, value in ENV.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"), [("LETTERS", "secret"), ("RUNTIMES", "secret"), ("TASKS_TABLE", "")]
)
def test_a_wrong_variable_is_named_without_its_value(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        LetterSettings.read({**ENV, "LETTERS": "dead", name: value})
    assert "secret" not in str(caught.value)
