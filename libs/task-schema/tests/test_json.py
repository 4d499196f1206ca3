import json

import pytest

from task_schema import MAX_NESTING, Deployment, RequestRefusedError, parse_v1alpha1, parse_v1alpha2

BAD = [
    ("nothing", ""),
    ("no JSON", "prompt=dog"),
    ("cut off", '{"task": {'),
    ("NaN", '{"a": NaN}'),
    ("Infinity", '{"a": -Infinity}'),
    ("a number beyond floats", '{"a": 1e999}'),
    ("a number of too many digits", '{"a": ' + "1" * 5000 + "}"),
    ("lone surrogate", '{"a": "\\ud800"}'),
    ("lone surrogate in a key", '{"\\udfff": 1}'),
    ("key twice", '{"a": 1, "a": 1}'),
    ("key twice further in", '{"a": [{"b": {"c": 1, "d": 2, "c": 3}}]}'),
    ("too deep for us", "[" * (MAX_NESTING + 1) + "]" * (MAX_NESTING + 1)),
    ("too deep for Python", "[" * 200_000),
    ("objects too deep", '{"a":' * 50_000 + "1" + "}" * 50_000),
    ("single quotes", "{'a': 1}"),
    ("comment", '{"a": 1} // one'),
    ("trailing comma", '{"a": 1,}'),
    ("control character in a text", '{"a": "\n"}'),
    ("byte order mark", "\ufeff{}"),
]


@pytest.mark.parametrize("text", [text for _, text in BAD], ids=[name for name, _ in BAD])
def test_what_is_not_strict_json_is_bad_json(deployment: Deployment, text: str) -> None:
    for parse in (parse_v1alpha1, parse_v1alpha2):
        with pytest.raises(RequestRefusedError) as refused:
            parse(text, deployment)
        assert [fault.code for fault in refused.value.faults] == ["bad_json"]
        assert refused.value.http_status == 400


def test_bytes_that_are_no_text_are_bad_json(deployment: Deployment) -> None:
    with pytest.raises(RequestRefusedError) as refused:
        parse_v1alpha2(b'{"a": "\xff"}', deployment)
    assert refused.value.faults[0].code == "bad_json"


def test_a_syntax_error_is_told_with_its_place(deployment: Deployment) -> None:
    with pytest.raises(RequestRefusedError, match=r"line 1 column 7"):
        parse_v1alpha2('{"a": ?}', deployment)


def test_a_key_that_is_there_twice_is_named(deployment: Deployment) -> None:
    with pytest.raises(RequestRefusedError, match=r"the key 'steps' twice"):
        parse_v1alpha2('{"steps": 1, "a": 2, "steps": 3}', deployment)


def test_levels_up_to_the_limit_are_taken(deployment: Deployment) -> None:
    inner = "[" * (MAX_NESTING - 3) + "]" * (MAX_NESTING - 3)
    metadata = '{"id": "t", "runtime": "own", "tasktype": "text-to-video", "prefix": "o"}'
    body = '{"task": {"metadata": %s, "content": {"a": %s}}}'
    assert parse_v1alpha2(body % (metadata, inner), deployment).content["a"] == json.loads(inner)
    with pytest.raises(RequestRefusedError, match="nested too deeply"):
        parse_v1alpha2(body % (metadata, f"[{inner}]"), deployment)
