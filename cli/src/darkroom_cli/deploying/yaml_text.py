"""Changing single values in a YAML text, and leaving all else as it is: comments, order, spelling."""

from collections.abc import Sequence
from typing import Any

import yaml

type Path = Sequence[str | int]


class CannotChangeError(Exception):
    """The text is written in a way in which the value cannot be put without touching something else."""


def get(data: Any, path: Path) -> Any:
    """Return what is at a path, or None."""
    for step in path:
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return None
    return data


def put(text: str, path: Path, value: Any) -> str:
    """Return the text with `value` at `path`; mappings that lead there are made where they are missing.

    Raises:
        CannotChangeError: it is not possible; the user has to do it.
        yaml.YAMLError: the text is not YAML.
    """
    data = yaml.safe_load(text)
    if get(data, path) == value and value is not None:
        return text
    try:
        changed = _changed(text, path, value)
        same = yaml.safe_load(changed) == _with(data, path, value)
    except yaml.YAMLError:  # an alias whose anchor is elsewhere, for one
        same = False
    if not same:
        raise CannotChangeError(".".join(map(str, path)))
    return changed


def _changed(text: str, path: Path, value: Any) -> str:
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for depth, step in enumerate(path):
        child = _child(node, step)
        if child is None:
            return _inserted(text, node, _nested(path[depth:], value))
        if _is_empty(child) and depth + 1 < len(path):
            return _filled(text, node, child, _nested(path[depth + 1 :], value))
        node = child
    start, end = node.start_mark.index, _end(text, node)
    space = " " if start == end else ""
    return f"{text[:start]}{space}{_inline(value)}{text[end:]}"


def _child(node: Any, step: str | int) -> Any:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    raise CannotChangeError(str(step))


def _is_empty(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def _inserted(text: str, node: Any, data: dict[str, Any]) -> str:
    """Put new keys at the end of a mapping."""
    if not isinstance(node, yaml.MappingNode):
        raise CannotChangeError(next(iter(data)))
    if node.flow_style or not node.value:
        start, end = node.start_mark.index, node.end_mark.index
        return f"{text[:start]}{_inline({**yaml.safe_load(text[start:end]), **data})}{text[end:]}"
    column = node.value[0][0].start_mark.column
    return _after_line(text, _end(text, node), data, column)


def _filled(text: str, parent: Any, empty: Any, data: dict[str, Any]) -> str:
    """Put a mapping where a key has nothing yet; a comment behind the key stays there."""
    if parent.flow_style or not isinstance(parent, yaml.MappingNode):
        raise CannotChangeError(next(iter(data)))
    start, end = empty.start_mark.index, empty.end_mark.index
    column = parent.value[0][0].start_mark.column + 2
    head = text[:start].rstrip(" ") if end > start else text[:start]
    return _after_line(head + text[end:], len(head), data, column)


def _after_line(text: str, index: int, data: dict[str, Any], column: int) -> str:
    stop = text.find("\n", index)
    head, tail = (f"{text}\n", "") if stop < 0 else (text[: stop + 1], text[stop + 1 :])
    dumped = yaml.safe_dump(data, sort_keys=False, default_flow_style=False, allow_unicode=True, width=1000)
    lines = "".join(f"{' ' * column}{line}\n" for line in dumped.splitlines())
    return f"{head}{lines}{tail}"


def _end(text: str, node: Any) -> int:
    """Return where the last character of a node is; a mapping's own mark is beyond what follows it."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    index = int(node.end_mark.index)
    while index > node.start_mark.index and text[index - 1 : index] in ("\n", " "):
        index -= 1
    return index


def _nested(path: Path, value: Any) -> dict[str, Any]:
    for step in reversed(path):
        if not isinstance(step, str):
            raise CannotChangeError(str(step))
        value = {step: value}
    return dict(value)


def _inline(value: Any) -> str:
    dumped = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1000)
    return dumped.removesuffix("\n").removesuffix("\n...")


def _with(data: Any, path: Path, value: Any) -> Any:
    result = _copied(data)
    here = result
    for step in path[:-1]:
        if isinstance(here, dict) and here.get(step) is None:
            here[step] = {}
        here = here[step]
    here[path[-1]] = value
    return result


def _copied(data: Any) -> Any:
    """Return a copy in which what an alias stands for is there once for each: one may change alone."""
    if isinstance(data, dict):
        return {key: _copied(value) for key, value in data.items()}
    return [_copied(value) for value in data] if isinstance(data, list) else data
