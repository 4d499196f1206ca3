"""Reading and writing where a trace goes on."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.context import (
    TraceContext,
    extract,
    new_span_id,
    new_trace_id,
    read_traceparent,
    read_xray_header,
)

ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793"
TRACE_ID = "5759e988bd862e3fe1be46a994272793"
SPAN_ID = "53995c3f42cd8ad8"
PARENT = f"00-{TRACE_ID}-{SPAN_ID}"
OTHER = "0af7651916cd43dd8448eb211c80319c"

contexts = st.builds(
    TraceContext,
    trace_id=st.integers(1, 2**128 - 1).map(lambda number: f"{number:032x}"),
    span_id=st.integers(1, 2**64 - 1).map(lambda number: f"{number:016x}"),
    sampled=st.booleans(),
)


@pytest.mark.parametrize(
    ("header", "traceparent"),
    [
        (f"{ROOT};Parent={SPAN_ID};Sampled=1", f"{PARENT}-01"),
        (f"{ROOT};Parent={SPAN_ID};Sampled=0", f"{PARENT}-00"),
        (f"{ROOT};Parent={SPAN_ID};Sampled=?", f"{PARENT}-00"),
        (f"{ROOT};Parent={SPAN_ID}", f"{PARENT}-00"),
        (f"Sampled=1; Parent={SPAN_ID}; {ROOT}; Lineage=a:1|b:0", f"{PARENT}-01"),
    ],
)
def test_the_trace_of_lambda_goes_on_as_traceparent(header: str, traceparent: str) -> None:
    trace = read_xray_header(header)
    assert trace is not None
    assert trace.traceparent == traceparent


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        ROOT,
        f"Parent={SPAN_ID}",
        f"{ROOT};Parent={SPAN_ID[:-1]}",
        f"{ROOT};Parent={SPAN_ID.upper()}",
        f"{ROOT};Parent=0000000000000000",
        f"Root=1-00000000-000000000000000000000000;Parent={SPAN_ID}",
        f"Root=2-5759e988-bd862e3fe1be46a994272793;Parent={SPAN_ID}",
        f"{PARENT}-01",
    ],
)
def test_another_header_is_no_trace_of_x_ray(header: str | None) -> None:
    assert read_xray_header(header) is None


@pytest.mark.parametrize(
    ("header", "sampled"),
    [
        (f"{PARENT}-01", True),
        (f"{PARENT}-00", False),
        (f"{PARENT}-03", True),
        (f"{PARENT}-02", False),
        (f"cc{PARENT[2:]}-01-what-a-later-version-adds", True),
    ],
)
def test_a_traceparent_is_read(header: str, sampled: bool) -> None:
    assert read_traceparent(header) == TraceContext(TRACE_ID, SPAN_ID, sampled=sampled)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garbage",
        PARENT,
        f"{PARENT}-1",
        f"{PARENT}-01-more",
        f"ff{PARENT[2:]}-01",
        f"{PARENT.upper()}-01",
        f" {PARENT}-01",
        f"{PARENT}-01\n",
        f"00-{'0' * 32}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"{ROOT};Parent={SPAN_ID};Sampled=1",
    ],
)
def test_another_header_is_no_traceparent(header: str | None) -> None:
    assert read_traceparent(header) is None


@given(st.text() | st.text(alphabet="Root=Parent1-;Sampled 0a"))
def test_no_header_ever_fails_a_task(header: str) -> None:
    assert read_xray_header(header) is None
    assert read_traceparent(header) is None


@given(contexts)
@settings(deadline=None)
def test_what_is_written_is_read_again(context: TraceContext) -> None:
    assert read_traceparent(context.traceparent) == context
    header = f"Root={context.xray_trace_id};Parent={context.span_id};Sampled={int(context.sampled)}"
    assert read_xray_header(header) == context


def test_a_message_names_its_publisher_before_what_aws_passed_on() -> None:
    of_aws = {"AWSTraceHeader": f"Root=1-{OTHER[:8]}-{OTHER[8:]};Parent={SPAN_ID};Sampled=1"}
    context = extract({"traceparent": f"{PARENT}-01"}, of_aws)
    assert context is not None
    assert context.trace_id == TRACE_ID


@pytest.mark.parametrize("given_up", [{}, {"traceparent": "garbage"}, {"traceparent": ""}])
def test_without_a_valid_traceparent_aws_own_header_counts(given_up: dict[str, str]) -> None:
    of_aws = {"AWSTraceHeader": f"Root=1-{OTHER[:8]}-{OTHER[8:]};Parent={SPAN_ID};Sampled=1"}
    assert extract(given_up, of_aws) == TraceContext(OTHER, SPAN_ID, sampled=True)
    assert extract(given_up, {}) is None
    assert extract(given_up, {"AWSTraceHeader": "garbage"}) is None


def test_new_ids_are_ones_that_x_ray_takes_and_differ() -> None:
    before = int(time.time())
    ids = {new_trace_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch("[0-9a-f]{32}", made) for made in ids)
    assert all(before <= int(made[:8], 16) <= int(time.time()) for made in ids)
    spans = {new_span_id() for _ in range(100)}
    assert len(spans) == 100
    assert all(re.fullmatch("[0-9a-f]{16}", made) for made in spans)


def test_a_child_is_in_the_same_trace_and_as_sampled() -> None:
    parent = TraceContext(TRACE_ID, SPAN_ID, sampled=False)
    child = parent.child()
    assert (child.trace_id, child.sampled) == (TRACE_ID, False)
    assert child.span_id != SPAN_ID
