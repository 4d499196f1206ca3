"""`verify` and `doctor` on the system under test: all well, and with a runtime that hangs."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from PIL import Image

from local.home import Home
from local.state import read_state
from tests.e2e.test_command_line import darkroom
from tests.e2e.user import COMFY, STATIC, User, eventually


@contextmanager
def stopped(home: Home, runtime: str) -> Iterator[None]:
    """Stop a sketch where it stands; whoever keeps it may have replaced it meanwhile."""
    process = read_state(home).processes[f"sketch-{runtime}"]
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)


def test_verify_saves_a_picture_of_each_kind(user: User, home: Home, tmp_path: Path) -> None:
    done = darkroom(home, "verify", "-o", str(tmp_path))
    assert done.returncode == 0, done.stderr
    sizes = []
    for path in sorted(tmp_path.glob("*.png")):
        with Image.open(path) as picture:
            picture.load()
            sizes.append(picture.size)
    assert sorted(sizes) == [(512, 512)] * 7 + [(1024, 1024)] * 2
    for runtime in user.state.runtimes:
        assert runtime in done.stdout


def test_verify_fails_where_a_runtime_does_not_work_and_names_it(
    user: User, home: Home, tmp_path: Path
) -> None:
    with stopped(home, COMFY):
        done = darkroom(home, "verify", "-r", COMFY, "-o", str(tmp_path), "--timeout", "5")
    assert done.returncode == 1, done.stdout
    assert f"{COMFY}, pipeline v1alpha2: not ended in time" in done.stderr
    assert "./darkroom doctor verify-pipeline-v1alpha2-" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_doctor_names_the_runtime_that_hangs_and_finds_nothing_else(user: User, home: Home) -> None:
    with stopped(home, STATIC):
        sick = darkroom(home, "doctor", "--runtime", STATIC, "--json")
    assert sick.returncode == 1, sick.stderr
    problems = {one["code"] for one in json.loads(sick.stdout) if one["severity"] == "problem"}
    assert "runtime-not-answering" in problems
    well = eventually(
        lambda: done if (done := darkroom(home, "doctor", "--runtime", STATIC)).returncode == 0 else None,
        what="a healthy system",
    )
    assert "nothing is wrong" in well.stderr
