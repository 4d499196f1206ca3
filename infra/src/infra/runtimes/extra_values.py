"""`extraValues` for our own chart, held against its schema: Helm does so only in a deployment."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError, best_match

SCHEMA = "values.schema.json"
SHOWN_CHARACTERS = 80  # of a wrong value
# What is still to be filled in does not look like what it stands for, and is warned of elsewhere.
PLACEHOLDER = re.compile(r"<[^<>]+>")
TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}


class ChartSchema:
    """What a chart takes as values, by its values.schema.json.

    Args:
        chart: its folder. A chart without a schema takes everything.
    """

    def __init__(self, chart: Path) -> None:
        file = chart / SCHEMA
        self._schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

    def filled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values without sections of the chart that are left empty.

        They count as left out, as they do in the rest of the file; Helm would take the chart's section away.
        """
        return _filled(values, self._schema)

    def problems(self, path: str, values: Mapping[str, Any]) -> list[str]:
        """Return what the chart does not take of the values at a path of the file, and what it takes instead.

        A null takes one of the chart's defaults away, whatever that is.
        """
        errors = Draft7Validator(self._schema).iter_errors(values)
        return [text for error in sorted(errors, key=_place) for text in _told(path, error)]


def _filled(values: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    known = schema.get("properties", {})
    result = {}
    for key, value in values.items():
        inner = known.get(key, {})
        if isinstance(value, Mapping):
            result[key] = _filled(value, inner)
        elif value is not None or "properties" not in inner:
            result[key] = value
    return result


def _place(error: ValidationError) -> list[str]:
    return [str(step) for step in error.absolute_path]


def _told(path: str, error: ValidationError) -> Iterator[str]:
    inner = best_match([error])
    if inner is not None and len(inner.absolute_path) > len(error.absolute_path):
        error = inner  # of several ways to write something, that one which was meant
    where = path + "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path
    )
    value: Any = error.instance
    schema = error.schema
    to_be_filled_in = error.validator == "pattern" and PLACEHOLDER.search(value) is not None
    if not isinstance(schema, dict) or value is None or to_be_filled_in:
        return
    if error.validator == "additionalProperties" and "properties" in schema:
        for key in sorted(value.keys() - schema["properties"].keys()):
            known = sorted(schema["properties"])
            yield f"{where}.{key}: the chart has no such value;{_meant(key, known)} {_keys(known)}"
    elif error.validator == "required":
        missing = ", ".join(key for key in schema["required"] if key not in value)
        yield f"{where}: {missing} is missing"
    else:
        yield f"{where}: {_shown(value)} is not allowed; allowed is {_allowed(schema)}"


def _allowed(schema: Mapping[str, Any]) -> str:
    """Say in words what a schema allows."""
    if "oneOf" in schema:
        return " or ".join(_allowed(each) for each in schema["oneOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(json.dumps(each) for each in schema.get("enum", [schema.get("const")]))
    types = schema.get("type", [])
    words = " or ".join(TYPES[each] for each in ([types] if isinstance(types, str) else types))
    more = [
        schema.get("description", ""),
        "not empty" if schema.get("minLength") or schema.get("minItems") else "",
        "each once" if schema.get("uniqueItems") else "",
        f"that matches {schema['pattern']}" if "pattern" in schema else "",
        f"of at least {schema['minimum']}" if "minimum" in schema else "",
        f"above {schema['exclusiveMinimum']}" if "exclusiveMinimum" in schema else "",
        f"of at most {schema['maximum']}" if "maximum" in schema else "",
        f"with at most {schema['maxProperties']} key" if "maxProperties" in schema else "",
    ]
    said = ", ".join(part for part in (words, *more) if part)
    return f"{said}; {_keys(sorted(schema['properties']))}" if "properties" in schema else said


def _meant(key: str, known: Sequence[str]) -> str:
    lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(key.lower(), lower, n=1, cutoff=0.75)
    return f" did you mean {lower[close[0]]}?" if close else ""


def _keys(known: Sequence[str]) -> str:
    return "known are " + ", ".join(known)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
