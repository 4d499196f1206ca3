import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from darkroom_cli.app import app

QUICK = ("--tasks", "300", "--hours", "1")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_HOME", str(tmp_path))


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "80", "NO_COLOR": "1"})
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("command", ["cost", "simulate"])
def test_both_explain_themselves_with_defaults_and_examples(command: str) -> None:
    code, text, _ = run(command, "--help")
    assert code == 0
    assert "Default:" in text
    assert f"./darkroom {command} --" in text
    assert "3 the local system is not up" in " ".join(text.split())


def test_the_guide_s_table_is_shown_beside_ours_with_its_slips() -> None:
    code, text, _ = run("cost", "--guide")
    assert code == 0
    lines = {line.split("  ")[0] + line[13:40].rstrip(): line.split() for line in text.splitlines()}
    assert [line[-2:] for line in lines.values() if "guide" in line and "=" in line] == [
        ["226.18", "226.18"],
        ["210.24", "210.24"],
    ]
    assert text.count("\n- ") == 5


def test_tables_are_not_cut_where_there_is_no_terminal() -> None:
    text = run("cost")[1]
    assert "…" not in text
    assert "what the guide leaves out" in text


def test_the_issue_s_own_example_has_the_guide_s_sums() -> None:
    options = (
        "--images",
        "1000000",
        "--seconds-per-image",
        "1.5",
        "--instance",
        "g5.2xlarge",
        "--spot-price",
        "0.4968",
    )
    code, text, _ = run("cost", *options, "--system-instance", "m5.large", "--json")
    assert code == 0
    sums = json.loads(text)["sums"]
    assert (sums["images"], sums["fixed"]) == (226.18, 210.24)


def test_formulas_are_shown_where_they_are_asked_for() -> None:
    formula = "1,000,000 images x 1.5 s / 3,600 = 416.667 x 0.4968 = 207.0000"
    assert formula in run("cost", "--explain")[1]
    assert formula not in run("cost")[1]


def test_a_simulation_prints_its_figures() -> None:
    code, text, remarks = run("simulate", *QUICK)
    assert code == 0
    assert "p95 s" in text
    assert "assumptions" in remarks


def test_figures_are_told_as_json_for_scripts_the_same_ones_each_time() -> None:
    first, second = (json.loads(run("simulate", *QUICK, "--json")[1]) for _ in range(2))
    assert first == second
    assert first["tasks"] == 300


def test_a_sweep_has_a_line_for_each_combination() -> None:
    code, text, _ = run("simulate", *QUICK, "--sweep", "queueLength=1,10", "--sweep", "minReplicaCount=0,2")
    assert code == 0
    assert text.count("queueLength=") == 4
    found = json.loads(run("simulate", *QUICK, "--sweep", "queueLength=1,10", "--json")[1])
    assert [one["settings"] for one in found] == ["queueLength=1", "queueLength=10"]


def test_options_of_scaling_and_machines_reach_the_simulation() -> None:
    options = ("--min-replica-count", "3", "--max-replica-count", "3", "--price", "2", "--interruptions", "0")
    found = json.loads(run("simulate", *QUICK, *options, "--json")[1])
    assert found["most_pods"] == 3
    assert found["dollars"] == pytest.approx(found["node_hours"] * 2, rel=0.001)


def test_pictures_are_saved_where_they_are_asked_for(tmp_path: Path) -> None:
    code, _, remarks = run("simulate", *QUICK, "--plot", str(tmp_path / "day.png"))
    assert code == 0
    assert (tmp_path / "day.png").read_bytes().startswith(b"\x89PNG")
    assert "day.png" in remarks.replace("\n", "")


def test_arrivals_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_text("time\n0\n5\n9\n")
    assert json.loads(run("simulate", "--file", str(path), "--json")[1])["tasks"] == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cost", "--images", "0"], "--images"),
        (["cost", "--instance", "p9.huge"], "g5.2xlarge"),
        (["cost", "--guide", "--images", "5"], "--guide"),
        (["cost", "--gpu-hours", "3"], "--gpu-hours"),
        (["cost", "--prices", "absent.json"], "absent.json"),
        (["cost", "--runtime", "sdruntime"], "--actual"),
        (["cost", "--actual", "--region", "us-east-1"], "--stack-name"),
        (["cost", "--actual", "--stack-name", "s"], "--runtime"),
        (["simulate", "--pattern", "weekly"], "constant, daily, burst"),
        (["simulate", "--spread", "normal"], "lognormal"),
        (["simulate", "--tasks", "0"], "--tasks"),
        (["simulate", "--hours", "0"], "--hours"),
        (["simulate", "--file", "absent.csv"], "absent.csv"),
        (["simulate", "--sweep", "depth=1"], "queueLength"),
        (["simulate", "--min-replica-count", "30"], "maxReplicaCount"),
        (["simulate", "--plot", "absent/day.png"], "--plot"),
        (["simulate", "--price", "-1"], "--price"),
    ],
)
def test_wrong_use_is_told_by_option(arguments: list[str], words: str) -> None:
    code, _, text = run(*arguments)
    assert code == 2
    assert words in text


def test_real_tasks_need_a_system() -> None:
    code, _, text = run("cost", "--actual")
    assert code == 3
    assert "not up" in text
