import json
from pathlib import Path

import pytest

from console.errors import SettingsError
from console.settings import AwsSource, RuntimeSource, Sources

KEY = "a-key-that-is-secret"


def sources() -> Sources:
    return Sources.model_validate({"mode": "api", "endpoint": "https://x.example/prod/", "api_key": KEY})


def test_the_key_is_in_no_text_that_is_made_of_sources() -> None:
    given = sources()
    for text in (
        repr(given),
        str(given),
        given.model_dump_json(),
        str(given.model_dump()),
        repr(given.connection()),
    ):
        assert KEY not in text


def test_what_is_written_for_a_console_is_what_it_reads(tmp_path: Path) -> None:
    given = Sources.model_validate(
        {
            "mode": "local",
            "endpoint": "http://127.0.0.1:4566/x/",
            "api_key": KEY,
            "runtimes": (RuntimeSource(name="r", type="sdwebui", tasktypes=("a",), queue_url="http://q"),),
            "aws": AwsSource(region="us-east-1", endpoint_url="http://127.0.0.1:4566"),
            "tasks_table": "tasks",
        }
    )
    file = tmp_path / "console.json"
    file.write_text(given.to_json())
    read = Sources.read(file)
    assert read == given
    assert read.connection().api_key == KEY


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"mode": "moon"}, "mode"),
        ({"endpoint": None}, "endpoint"),
        ({"api_key": ["a-key-that-is-secret"]}, "api_key"),
        ({"runtimes": [{"name": "r"}]}, "runtimes.0.type"),
        ({"what": "a-key-that-is-secret"}, "what"),
        ({"input_max": 0}, "input_max"),
    ],
)
def test_a_wrong_file_is_told_by_file_and_field_and_without_its_values(
    tmp_path: Path, change: dict[str, object], told: str
) -> None:
    file = tmp_path / "console.json"
    file.write_text(json.dumps({"mode": "api", "endpoint": "https://x", "api_key": KEY, **change}))
    with pytest.raises(SettingsError, match=told) as caught:
        Sources.read(file)
    assert str(file) in str(caught.value)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"api_key": "a-key-that-is-secret"'])
def test_a_file_that_is_not_json_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "console.json"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"console\.json") as caught:
        Sources.read(file)
    assert KEY not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        Sources.read(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    "endpoint", ["http://far.example/", "ftp://x", "https://u:p@x.example/", "https://x/?q=1"]
)
def test_an_endpoint_that_would_give_the_key_away_is_refused(endpoint: str) -> None:
    with pytest.raises(SettingsError, match="endpoint"):
        sources().model_copy(update={"endpoint": endpoint}).connection()
