import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.traces.errors import MalformedError
from local.traces.spans import Link
from local.traces.xray import read_datagram

HEADER = {"format": "json", "version": 1}


def a_document(**changes: Any) -> dict[str, Any]:
    return {
        "type": "subsegment",
        "trace_id": "1-6923aabb-00000000000000000000000a",
        "id": "00000000000000a1",
        "parent_id": "00000000000000a0",
        "name": "POST /v1alpha2",
        "start_time": 1700000000.25,
        "end_time": 1700000000.3,
        "annotations": {"darkroom_task_id": "lighthouse", "darkroom_runtime": "sdruntime", "other": 1},
        "metadata": {
            "darkroom": {
                "service": "darkroom-validator",
                "kind": "server",
                "attributes": {"darkroom.runtime": "sddynamic", "http.response.status_code": 200},
            }
        },
        "links": [{"trace_id": "1-6923aabb-00000000000000000000000b", "id": "00000000000000b1"}, {}],
    } | changes


def a_datagram(document: object, header: object = HEADER) -> bytes:
    return f"{json.dumps(header)}\n{json.dumps(document)}".encode()


def test_a_subsegment_is_a_span_with_what_its_metadata_say() -> None:
    [span] = read_datagram(a_datagram(a_document()))
    assert span.trace_id == "6923aabb00000000000000000000000a"
    assert (span.span_id, span.parent_id) == ("00000000000000a1", "00000000000000a0")
    assert (span.name, span.service, span.kind) == ("POST /v1alpha2", "darkroom-validator", "server")
    assert (span.start, span.end - span.start) == (1_700_000_000_250_000_000, 50_000_000)
    assert span.attributes == {
        "darkroom.task.id": "lighthouse",
        "darkroom.runtime": "sddynamic",
        "http.response.status_code": 200,
    }
    assert span.links == (Link("6923aabb00000000000000000000000b", "00000000000000b1"),)
    assert not span.error


@pytest.mark.parametrize("mark", ["error", "fault", "throttle"])
def test_each_mark_of_trouble_is_an_error(mark: str) -> None:
    [span] = read_datagram(a_datagram(a_document(**{mark: True})))
    assert span.error


def test_subsegments_within_are_children_of_the_same_service() -> None:
    child = {
        "id": "00000000000000a2",
        "name": "parse",
        "start_time": 1700000000.26,
        "end_time": 1700000000.27,
    }
    grandchild = {**child, "id": "00000000000000a3", "namespace": "aws"}
    document = a_document(subsegments=[{**child, "subsegments": [grandchild]}, {"no": "id"}, "x"])
    spans = read_datagram(a_datagram(document))
    assert [(span.span_id[-2:], (span.parent_id or "")[-2:]) for span in spans] == [
        ("a1", "a0"),
        ("a2", "a1"),
        ("a3", "a2"),
    ]
    assert {span.service for span in spans} == {"darkroom-validator"}
    assert [span.kind for span in spans] == ["server", "internal", "client"]


def test_a_plain_segment_of_anybody_is_taken_too() -> None:
    document = a_document(type=None, metadata={}, annotations={}, parent_id=None, name="a function")
    [span] = read_datagram(a_datagram(document))
    assert (span.service, span.kind, span.parent_id) == ("a function", "server", None)


def test_a_segment_in_progress_has_no_length_yet() -> None:
    [span] = read_datagram(a_datagram(a_document(end_time=None, in_progress=True)))
    assert span.end == span.start


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"{}",
        b"\n",
        b"\xff\xfe\n{}",
        a_datagram(a_document(), {"format": "xml"}),
        a_datagram(a_document(), []),
        a_datagram([]),
        a_datagram("text"),
        a_datagram(a_document(trace_id="1-2-3")),
        a_datagram(a_document(id=None)),
        a_datagram(a_document(start_time="now")),
        a_datagram(a_document(start_time=True)),
        a_datagram(a_document(start_time=float("nan"))),
        a_datagram(a_document(start_time=1e300)),
    ],
)
def test_garbage_is_refused(datagram: bytes) -> None:
    with pytest.raises(MalformedError):
        read_datagram(datagram)


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(changes=st.dictionaries(st.sampled_from([*a_document(), "subsegments"]), _ANYTHING, max_size=5))
@settings(deadline=None)
def test_documents_with_anything_in_them_are_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        spans = read_datagram(a_datagram(a_document(**changes)))
    except MalformedError:
        return
    for span in spans:
        assert 0 < span.start <= span.end
        json.dumps(span.attributes, allow_nan=False)
