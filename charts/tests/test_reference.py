import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from sd_on_eks_chart import ChartError
from sd_on_eks_chart.__main__ import main
from sd_on_eks_chart.reference import Value, values, with_table


def test_the_readme_has_the_table_of_today(chart: Path, tmp_path: Path) -> None:
    copy = tmp_path / "chart"
    shutil.copytree(chart, copy)
    assert main(["readme", str(copy)]) == 0
    assert (copy / "README.md").read_text() == (chart / "README.md").read_text(), (
        "python -m sd_on_eks_chart readme charts/sd-on-eks"
    )


def test_a_value_is_what_has_a_comment() -> None:
    text = (
        "# About the file.\n\n# First | one\na: 1\nb:\n  # Inside\n  c: [x]\n  # A mapping\n  d:\n    e: 2\n"
    )
    assert values(text) == [
        Value("a", 1, "First | one"),
        Value("b.c", ["x"], "Inside"),
        Value("b.d", {"e": 2}, "A mapping"),
    ]
    readme = with_table("# x\n<!-- values: made from values.yaml -->\nold\n<!-- end of values -->\ny", text)
    assert "| `a` | `1` | First \\| one |" in readme
    assert "old" not in readme
    assert readme.endswith("\ny")


def test_a_value_without_a_comment_is_an_error() -> None:
    with pytest.raises(ChartError, match=r"a\.b has no comment"):
        values("a:\n  b: 1\n  # said\n  c: 2\n")


def test_a_readme_without_a_place_for_it_is_an_error() -> None:
    with pytest.raises(ChartError, match="README"):
        with_table("# x", "# y\na: 1\n")


def known(schema: dict[str, Any], path: tuple[str, ...]) -> bool:
    for key in path:
        if key not in schema.get("properties", {}):
            return "properties" not in schema  # free from here on
        schema = schema["properties"][key]
    return True


def leaves(content: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(content, dict) or not content:
        return [path]
    return [leaf for key, value in content.items() for leaf in leaves(value, (*path, key))]


def schema_leaves(schema: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inside = schema.get("properties", {})
    if not inside:
        return [path]
    return [leaf for key, value in inside.items() for leaf in schema_leaves(value, (*path, key))]


def test_schema_and_values_have_the_same_keys(chart: Path) -> None:
    schema = json.loads((chart / "values.schema.json").read_text())
    content = yaml.safe_load((chart / "values.yaml").read_text())
    assert [path for path in leaves(content) if not known(schema, path)] == []
    ours = {
        path[: len(other)]
        for path in leaves(content)
        for other in [path[:n] for n in range(1, len(path) + 1)]
    }
    without = {".".join(path) for path in schema_leaves(schema) if path not in ours}
    free = ("runtime.scaling.extraHPAConfig.", "runtime.inferenceApi.startupProbe.")
    claims = {"runtime.inferenceApi.resources.claims", "runtime.queueAgent.resources.claims"}
    optional = {"runtime.queueAgent.resources.limits", *claims}
    assert {path for path in without if not path.startswith(free)} - optional == {"global"}
