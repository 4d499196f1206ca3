"""The commands as a user runs them, on a system of stand-ins."""

import itertools
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from local.home import Home
from local.lock import holder
from local.state import read_state
from local.testing import standins
from ministack_testing import ministack_command

PATIENCE = 60.0  # seconds
UP_LAST = "./darkroom submit"  # what `up` says last of all


def environ(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        **standins(ministack_command(os.environ, Path.cwd())),
        "DARKROOM_HOME": str(home),
        "COLUMNS": "200",
        "DARKROOM_CONSOLE_PORT": "0",  # other tests run beside these
    }


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "darkroom_cli", *arguments],
        env=environ(home),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(home: Path, *arguments: str) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr."""
    with start(home, *arguments) as process:
        out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a home whose system is up, started in the background."""
    home = tmp_path_factory.mktemp("home")
    code, out, err = run(home, "up", "--detach")
    assert code == 0, err
    assert "Darkroom is up" in out
    yield home
    code, _, err = run(home, "down")
    assert code == 0, err
    assert holder(Home(home)) is None


def test_the_curl_line_works_as_it_is_pasted(home: Path) -> None:
    _, out, _ = run(home, "up", "--detach")
    [line] = [line for line in out.splitlines() if line.startswith("curl ")]
    assert "  traces    http://127.0.0.1:" in out
    answer = subprocess.run(shlex.split(line), capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout)["id"] == "my-first"


def test_the_first_thing_to_click_is_the_console(home: Path) -> None:
    _, out, _ = run(home, "up", "--detach")
    lines = out.splitlines()
    assert lines[0].startswith("Darkroom is up")
    address = lines[1].removeprefix("  console   ")
    assert address.startswith("http://127.0.0.1:")
    assert run(home, "console") == (0, f"{address}\n", "")


def test_a_prompt_becomes_a_picture_in_the_file_that_was_named(home: Path) -> None:
    code, out, err = run(home, "submit", "a lighthouse at dusk", "-o", "o/light.png", "--width", "96")
    assert (code, out) == (0, "o/light.png\n"), err
    with Image.open(home / "o" / "light.png") as picture:
        assert picture.size == (96, 512)


def test_without_a_name_the_picture_is_named_after_the_task(home: Path) -> None:
    code, out, _ = run(home, "submit", "a dog", "--id", "my-dog")
    assert (code, out) == (0, f"{home}/out/my-dog.png\n")


def test_a_request_from_a_file_may_bring_several_pictures(home: Path) -> None:
    metadata = {"id": "many", "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "output"}
    body = {"task": {"metadata": metadata, "content": {"prompt": "a", "batch_size": 2}}}
    (home / "r.json").write_text(json.dumps(body))
    code, out, err = run(home, "submit", "--json", "r.json", "-o", "many.png")
    assert (code, out) == (0, "many.png\nmany-2.png\n"), err


def test_a_workflow_is_sent_to_comfyui(home: Path) -> None:
    code, out, err = run(home, "submit", "a fox", "--task", "pipeline", "-o", "fox.png")
    assert (code, out) == (0, "fox.png\n"), err


def test_a_task_that_fails_is_told_with_its_reason(home: Path) -> None:
    code, out, err = run(home, "submit", "fail")
    assert (code, out) == (1, "")
    assert "out_of_memory: too big; the same request may succeed when it is sent again" in err


def test_who_does_not_wait_gets_the_answer_of_the_api(home: Path) -> None:
    code, out, _ = run(home, "submit", "a dog", "--no-wait", "--id", "later")
    assert code == 0
    assert json.loads(out)["id"] == "later"


def test_a_task_of_which_nothing_is_heard_ends_with_a_message(home: Path) -> None:
    code, _, err = run(home, "submit", "a dog", "--runtime", "nobody", "--timeout", "1")
    assert code == 1
    assert "nothing was heard of a-dog-" in err


def test_a_shell_is_offered_the_runtimes_of_the_system_that_is_up(home: Path) -> None:
    asked = {
        "_DARKROOM_COMPLETE": "complete_bash",
        "COMP_WORDS": "darkroom submit --runtime sd",
        "COMP_CWORD": "3",
    }
    done = subprocess.run(
        [sys.executable, "-m", "darkroom_cli"],
        env=environ(home) | asked,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert set(done.stdout.split()) == {"sdruntime", "sddynamic"}, done.stderr


def test_traces_are_listed_and_one_that_is_not_there_is_told(home: Path) -> None:
    code, _, err = run(home, "traces")
    assert (code, "no traces yet" in err) == (0, True)
    code, out, err = run(home, "trace", "nobodys", "--wait", "0")
    assert (code, out) == (1, "")
    assert "no trace of 'nobodys'" in err


def test_a_second_system_of_the_same_folder_is_refused(home: Path) -> None:
    code, _, err = run(home, "up")
    assert code == 1
    assert "up already" in err


def test_the_demo_uses_the_system_that_is_up_and_leaves_it_up(home: Path) -> None:
    code, out, err = run(home, "demo", "--out", "pictures")
    assert code == 0, err
    files = list((home / "pictures").iterdir())
    assert len(files) == 6
    for name in (file.name for file in files):
        assert name in out
    for file in files:
        with Image.open(file) as picture:
            picture.load()
    assert read_state(Home(home)).pid == holder(Home(home))


def test_a_demo_from_nothing_starts_a_system_and_ends_it(tmp_path: Path) -> None:
    code, _, err = run(tmp_path, "demo")
    assert code == 0, err
    assert len(list((tmp_path / "out").iterdir())) == 6
    assert holder(Home(tmp_path)) is None


def test_a_demo_whose_pictures_do_not_come_fails_and_says_which(tmp_path: Path) -> None:
    broken = {"DARKROOM_AGENT": f"{sys.executable} -c 'import time; time.sleep(600)'"}
    command = [sys.executable, "-m", "darkroom_cli", "demo", "--timeout", "3"]
    done = subprocess.run(
        command, env=environ(tmp_path) | broken, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 1
    assert "6 of 6 did not come back" in done.stderr
    assert "pipeline v1alpha2: nothing was heard of it in time" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_the_usual_end_of_up(tmp_path: Path, number: signal.Signals) -> None:
    with start(tmp_path, "up") as process:
        assert process.stdout is not None
        said = list(itertools.takewhile(lambda line: not line.startswith(UP_LAST), process.stdout))
        process.send_signal(number)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert [line.split()[0] for line in said if "://127.0.0.1" in line][:2] == ["console", "endpoint"]
    assert holder(Home(tmp_path)) is None


def test_a_start_that_is_interrupted_ends_as_interrupted(tmp_path: Path) -> None:
    with start(tmp_path, "up") as process:
        assert process.stderr is not None
        assert "Starting the AWS emulator" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert holder(Home(tmp_path)) is None
