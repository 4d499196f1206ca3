"""What is generated from the configuration's model: the page and the schema say what the code does."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.config import Config
from infra.configuration import reference
from infra.configuration.sections import Key, keys_of

ROOT = Path(__file__).parents[2]
KEYS = list(keys_of(Config))


def test_the_page_is_the_models() -> None:
    """If this fails: python -m infra.configuration.reference . in the repository's root."""
    assert (ROOT / reference.PAGE_AT).read_text(encoding="utf-8") == reference.page()


def test_the_schema_is_the_models() -> None:
    """If this fails: python -m infra.configuration.reference . in the repository's root."""
    assert (ROOT / reference.SCHEMA_AT).read_text(encoding="utf-8") == reference.schema_text()


@pytest.mark.parametrize("key", KEYS, ids=[key.path for key in KEYS])
def test_each_key_says_what_it_is_and_what_is_allowed(key: Key) -> None:
    assert key.meaning
    assert key.allowed
    if key.section is None:
        assert len(re.findall(rf"^\| `{re.escape(key.path)}` \|", reference.page(), re.MULTILINE)) == 1


def test_the_page_tells_defaults_as_the_file_would_say_them() -> None:
    rows = dict(re.findall(r"^\| `([^`]+)` \|.*\| (.*?) \|$", reference.page(), re.MULTILINE))
    assert rows["stackName"] == '`"sdoneks"`'
    assert rows["APIGW.throttle.rateLimit"] == "`30`"
    assert rows["network.natGateways"] == "`3`"
    assert rows["modelsRuntime[].dynamicModel"] == "`false`"
    assert rows["modelsRuntime[].name"] == "required"
    assert rows["inputs.s3"] == "`[]`"


def test_tables_have_four_columns_whatever_is_in_them() -> None:
    rows = [line for line in reference.page().splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for value in schema.values():
            yield from objects(value)


def test_the_schema_knows_each_mapping_by_its_keys_and_lets_what_is_optional_be_empty() -> None:
    found = list(objects(reference.schema()))
    assert len(found) == 1 + len({key.section for key in KEYS if key.section is not None})
    for each in found:
        assert each["additionalProperties"] is False
        for name, value in each["properties"].items():
            may_be_empty = {"type": "null"} in value.get("anyOf", [])
            assert may_be_empty is (name not in each.get("required", []))


def test_the_schema_tells_what_a_key_is_and_what_is_allowed() -> None:
    schema = reference.schema()
    assert schema["required"] == ["modelBucketArn", "modelsRuntime"]
    assert schema["properties"]["kubernetesVersion"]["anyOf"][0]["enum"] == ["1.34", "1.35", "1.36"]
    assert "allowed: letters, digits and hyphens" in schema["properties"]["stackName"]["description"]


def test_the_command_writes_both(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "infra.configuration.reference", tmp_path], check=True)
    assert (tmp_path / reference.PAGE_AT).read_text(encoding="utf-8").startswith("# config.yaml")
    assert json.loads((tmp_path / reference.SCHEMA_AT).read_text(encoding="utf-8"))["properties"]


def test_the_command_without_a_folder_tells_its_use() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.configuration.reference"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "usage" in done.stderr
