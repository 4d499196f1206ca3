"""The programs that `tests:program` names."""

import importlib.util

import pytest

from tests import program
from tests.program import PROGRAMS


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_that_is_named_is_there(name: str) -> None:
    assert importlib.util.find_spec(f"tests.{name}") is not None


@pytest.mark.parametrize(("words", "code"), [([], 2), (["bench.nothing"], 2), (["--help"], 0)])
def test_without_a_name_it_lists_them(
    words: list[str], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["program", *words])
    assert program.main() == code
    told = capsys.readouterr()
    assert all(name in (told.out if code == 0 else told.err) for name in PROGRAMS)
