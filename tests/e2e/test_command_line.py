"""The `darkroom` command on the system under test."""

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from local.environment import this_python
from local.home import HOME_ENV, Home
from tests.e2e.user import User

TIMEOUT = 120.0  # seconds


def darkroom(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "darkroom_cli", *arguments],
        env={**this_python(os.environ), HOME_ENV: str(home.root)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def test_submit_writes_a_picture_that_opens(user: User, home: Home, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    done = darkroom(
        home, "submit", "a lighthouse at dusk", "-o", str(out), "--width", "320", "--height", "256"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(out)]
    with Image.open(out) as image:
        image.load()
        assert image.size == (320, 256)


def test_a_picture_can_be_submitted_again_to_be_changed_and_enlarged(
    user: User, home: Home, tmp_path: Path
) -> None:
    first, second, third = (tmp_path / f"{name}.png" for name in ("first", "second", "third"))
    for arguments in (
        ("a lighthouse", "-o", str(first), "--width", "64", "--height", "64"),
        ("in winter", "--image", str(first), "-o", str(second), "--width", "64", "--height", "64"),
        ("--task", "extra-single-image", "--image", str(second), "--scale", "2", "-o", str(third)),
    ):
        done = darkroom(home, "submit", *arguments)
        assert done.returncode == 0, done.stderr
    sizes = []
    for path in (first, second, third):
        with Image.open(path) as image:
            image.load()
            sizes.append(image.size)
    assert sizes == [(64, 64), (64, 64), (128, 128)]


def test_a_task_that_is_refused_is_explained_and_writes_nothing(
    user: User, home: Home, tmp_path: Path
) -> None:
    out = tmp_path / "out.png"
    done = darkroom(home, "submit", "a dog", "--runtime", "nowhere", "-o", str(out))
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
