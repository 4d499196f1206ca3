from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom_cli.deploying.yaml_text import CannotChangeError, get, put


@pytest.mark.parametrize(
    ("text", "path", "value", "result"),
    [
        ("a: 1 # one\nb: 2\n", ["a"], 3, "a: 3 # one\nb: 2\n"),
        ("a: 1", ["b"], "x", "a: 1\nb: x\n"),
        ("a: # why\nb: 2\n", ["a", "c", "d"], "x", "a: # why\n  c:\n    d: x\nb: 2\n"),
        ("a: ~ # why\n", ["a", "c"], 1, "a: # why\n  c: 1\n"),
        ("a:\n", ["a"], "x", "a: x\n"),
        ("a: {b: 1}\n", ["a", "c"], [1, 2], "a: {b: 1, c: [1, 2]}\n"),
        ("a: {}\n", ["a", "b", "c"], 1, "a: {b: {c: 1}}\n"),
        ("- n: 1\n  e: # why\n", [0, "e", "k"], True, "- n: 1\n  e: # why\n    k: true\n"),
        ("l:\n- x: 1\n  y: {z: 2} # z\n\n# end\nm: 1\n", ["l", 0, "w"], 3,
         "l:\n- x: 1\n  y: {z: 2} # z\n  w: 3\n\n# end\nm: 1\n"),
        ("a: |\n  text\n  more\nb: 1\n", ["c"], 1, "a: |\n  text\n  more\nb: 1\nc: 1\n"),
        ("v: old\n", ["v"], "1.10", "v: '1.10'\n"),
    ],
)  # fmt: skip
def test_only_the_value_changes(text: str, path: list[str | int], value: Any, result: str) -> None:
    assert put(text, path, value) == result


def test_the_same_value_changes_nothing() -> None:
    text = "a:   1   # odd spaces\n"
    assert put(text, ["a"], 1) == text


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: text\n", ["a", "b"]),
        ("- 1\n", ["a"]),
        ("a: [1]\n", ["a", 5, "b"]),
        ("x: &x {b: 1}\na: *x\n", ["a", "b"]),
        ("x: &x {b: 1}\na: {c: *x}\n", ["a", "d"]),
    ],
)
def test_what_cannot_be_put_without_touching_more_is_refused(text: str, path: list[str | int]) -> None:
    with pytest.raises(CannotChangeError):
        put(text, path, 2)


KEYS = st.text("abcxyz", min_size=1, max_size=3)
# What deploying puts is of this kind; a text with line breaks is refused as likely as not.
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | TEXTS
MAPPINGS = st.recursive(
    LEAVES,
    lambda inner: st.dictionaries(KEYS, inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=12,
).filter(lambda data: isinstance(data, dict) and data)


@settings(deadline=None, max_examples=60)
@given(
    data=MAPPINGS,
    path=st.lists(KEYS, min_size=1, max_size=4),
    value=TEXTS | st.integers(),
    flow=st.sampled_from([True, False, None]),
)
def test_either_exactly_the_value_is_put_or_it_is_refused(
    data: dict[str, Any], path: list[str], value: Any, flow: bool | None
) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow)
    try:
        changed = yaml.safe_load(put(text, path, value))
    except CannotChangeError:
        assert any(not isinstance(get(data, path[:depth]), dict | None) for depth in range(1, len(path)))
        return
    assert get(changed, path) == value
    assert {key: changed[key] for key in data if key != path[0]} == {
        k: v for k, v in data.items() if k != path[0]
    }
