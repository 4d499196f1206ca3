"""The table of values in the chart's README, made from the comments in values.yaml."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from sd_on_eks_chart.errors import ChartError

BEGIN = "<!-- values: made from values.yaml -->"
END = "<!-- end of values -->"

_KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][\w.-]*):(?= |$)")
_COMMENT = re.compile(r"^ *# ?(?P<text>.*)$")


@dataclass(frozen=True)
class Value:
    """A value of the chart: its path with dots, its default, and what it means."""

    path: str
    default: Any
    meaning: str


def values(text: str) -> list[Value]:
    """Return the values of a values.yaml in its order: those with a comment right above their key.

    A mapping with a comment is one value, whatever it has in it.

    Raises:
        ChartError: naming a value without comment.
    """
    content = yaml.safe_load(text)
    comments = _comments(text)
    return list(_documented(content, comments, ()))


def _documented(
    content: Mapping[str, Any], comments: Mapping[tuple[str, ...], str], above: tuple[str, ...]
) -> Iterator[Value]:
    for key, default in content.items():
        path = (*above, key)
        grouped = isinstance(default, dict) and any(
            len(p) > len(path) and p[: len(path)] == path for p in comments
        )
        if grouped:
            yield from _documented(default, comments, path)
        elif path in comments:
            yield Value(".".join(path), default, comments[path])
        else:
            raise ChartError(f"values.yaml: {'.'.join(path)} has no comment")


def _comments(text: str) -> dict[tuple[str, ...], str]:
    """Return the comment above each key that has one, by the key's path."""
    found: dict[tuple[str, ...], str] = {}
    open_keys: list[tuple[int, str]] = []
    comment = ""
    for line in text.splitlines():
        if said := _COMMENT.match(line):
            comment = f"{comment} {said['text']}".strip()
            continue
        if key := _KEY.match(line):
            indent = len(key["indent"])
            open_keys = [(depth, name) for depth, name in open_keys if depth < indent]
            open_keys.append((indent, key["key"]))
            if comment:
                found[tuple(name for _, name in open_keys)] = comment
        comment = ""
    return found


def table(text: str) -> str:
    """Return the values of a values.yaml as a table in Markdown."""
    rows = [
        f"| `{value.path}` | {_shown(value.default)} | {_cell(value.meaning)} |" for value in values(text)
    ]
    return "\n".join(["| value | default | meaning |", "| --- | --- | --- |", *rows])


def _shown(default: Any) -> str:
    return f"`{_cell(json.dumps(default, ensure_ascii=False))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def with_table(readme: str, values_text: str) -> str:
    """Return a README with the table between its marks.

    Raises:
        ChartError: if it has no marks.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ChartError(f"the README has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{table(values_text)}\n\n{END}{after}"
