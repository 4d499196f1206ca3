"""From the environment to a working agent: runtimes, logs, exit codes."""

import json
import logging
import os
import sys
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from queue_agent import __main__ as command
from queue_agent import logs, runtimes
from queue_agent.comfyui import ComfyUi
from queue_agent.errors import SettingsError
from queue_agent.sdwebui import SdWebUi
from queue_agent.settings import Settings
from queue_agent.testing import FakeRuntime, picture

ENV = {
    "RUNTIME_NAME": "sdruntime",
    "RUNTIME_TYPE": "sdwebui",
    "RUNTIME_URL": "http://127.0.0.1:9",
    "QUEUE_URL": "http://127.0.0.1:9/000000000000/q",
    "TASKS_TABLE": "tasks",
    "NOTIFICATIONS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:n",
    "OUTPUT_BUCKET": "out",
    "PAYLOAD_BUCKET": "payloads",
}


def make_invented(settings: Settings) -> FakeRuntime:
    """Stand for the factory of a third party's package."""
    return FakeRuntime(picture(), task_types=frozenset({settings.runtime_name}))


@pytest.mark.parametrize(("kind", "adapter"), [("sdwebui", SdWebUi), ("comfyui", ComfyUi)])
async def test_the_built_in_types_have_adapters(kind: str, adapter: type) -> None:
    runtime = runtimes.make_runtime(Settings.from_env({**ENV, "RUNTIME_TYPE": kind}))
    assert isinstance(runtime, adapter)
    await runtime.aclose()


def test_another_type_comes_from_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("invented_package")
    monkeypatch.setattr(module, "make", make_invented, raising=False)
    monkeypatch.setitem(sys.modules, "invented_package", module)
    found = EntryPoints([EntryPoint("invented", "invented_package:make", runtimes.GROUP)])
    monkeypatch.setattr(runtimes, "entry_points", lambda group: found.select(group=group))
    runtime = runtimes.make_runtime(Settings.from_env({**ENV, "RUNTIME_TYPE": "invented"}))
    assert runtime.task_types == frozenset({"sdruntime"})


def test_a_type_without_an_adapter_is_told_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match="'dream'; known are: comfyui, sdwebui"):
        runtimes.make_runtime(Settings.from_env({**ENV, "RUNTIME_TYPE": "dream"}))


def test_a_log_line_is_one_json_object_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        logs.configure("info", service="queue-agent", runtime="sdruntime")
        logging.getLogger("queue_agent.x").info("task ended", extra={"action": "task_ended", "task": "t1"})
        logging.getLogger("httpx").info("GET https://b/k?X-Amz-Signature=secret")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    [line] = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert (said["message"], said["action"], said["task"]) == ("task ended", "task_ended", "t1")
    assert (said["service"], said["runtime"], said["level"]) == ("queue-agent", "sdruntime", "INFO")


def _tripped_up(prompt: str) -> None:
    try:
        os.environ[prompt]
    except KeyError as exc:
        raise ValueError(prompt) from exc


def test_a_traceback_says_where_and_nothing_of_what(capsys: pytest.CaptureFixture[str]) -> None:
    prompt = "a secret dog"
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        logs.configure("info", service="queue-agent", runtime="sdruntime")
        try:
            _tripped_up(prompt)
        except ValueError:
            logging.getLogger("queue_agent.x").exception("tripped up")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    [line] = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert "test_start.py" in said["exception"]
    assert said["exception"].splitlines()[-1] == "builtins.ValueError"
    assert "builtins.KeyError" in said["exception"]
    assert prompt not in line


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["--nonsense"], 2)])
def test_the_command_explains_itself(
    arguments: list[str], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["queue-agent", *arguments])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == code
    assert "RUNTIME_NAME" in capsys.readouterr().out


def test_wrong_settings_end_the_start_with_code_2_and_their_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["queue-agent"])
    for name in ENV:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert all(name in said for name in ENV)
    assert "Traceback" not in said
