import sys
from pathlib import Path

import pytest

from darkroom_cli.deploying.errors import StepError
from darkroom_cli.deploying.process import SubprocessRunner


def test_a_program_gets_its_input_its_environment_and_its_folder(tmp_path: Path) -> None:
    runner = SubprocessRunner({"A": "1"})
    code = (
        "import os, sys; print(os.environ['A'], os.environ['B'], os.getcwd(), sys.stdin.read()); sys.exit(3)"
    )
    ran = runner.run([sys.executable, "-c", code], cwd=tmp_path, env={"B": "2"}, stdin="word", capture=True)
    assert ran.code == 3
    assert ran.output.split() == ["1", "2", str(tmp_path), "word"]


def test_what_a_program_says_goes_to_stderr_unless_it_is_kept(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ran = SubprocessRunner({}).run([sys.executable, "-c", "print('progress')"], cwd=tmp_path)
    out, err = capfd.readouterr()
    assert (ran.output, out) == ("", "")
    assert "progress" in err


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="no-such-program cannot be run"):
        SubprocessRunner({}).run(["no-such-program"], cwd=tmp_path)


def test_programs_are_looked_for_on_the_path_of_the_environment(tmp_path: Path) -> None:
    assert SubprocessRunner({"PATH": str(tmp_path)}).which("sh") is None
    assert SubprocessRunner({"PATH": "/usr/bin:/bin"}).which("sh") is not None
