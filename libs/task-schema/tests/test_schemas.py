import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from task_schema import export

KEPT = Path(__file__).parents[1] / "schemas"


@pytest.mark.parametrize("name", sorted(export.MODELS))
def test_the_kept_schema_is_the_models(name: str) -> None:
    """If this fails: python -m task_schema.export libs/task-schema/schemas."""
    assert (KEPT / f"{name}.json").read_text() == export.schema_text(name)


def test_no_schema_is_kept_without_a_model() -> None:
    kept = {path.stem for path in KEPT.glob("*.json")}
    assert kept - {"openapi"} == set(export.MODELS)


@pytest.mark.parametrize("name", sorted(export.MODELS))
def test_a_schema_describes_its_fields(name: str) -> None:
    body: dict[str, Any] = export.schema(name)
    assert body["properties"]
    assert body["description"]


def test_the_command_writes_all_schemas(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder"
    subprocess.run([sys.executable, "-m", "task_schema.export", target], check=True)
    assert {path.stem for path in target.glob("*.json")} == set(export.MODELS)
    assert json.loads((target / "message.json").read_text())["properties"]["schema"]


def test_the_command_without_a_folder_tells_its_use() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "task_schema.export"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "usage" in done.stderr
