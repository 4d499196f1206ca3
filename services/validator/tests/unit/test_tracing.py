import pytest
from hypothesis import given
from hypothesis import strategies as st

from validator.tracing import read_trace_header

ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793"

PARENT = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8"


@pytest.mark.parametrize(
    ("header", "traceparent"),
    [
        (
            f"{ROOT};Parent=53995c3f42cd8ad8;Sampled=1",
            f"{PARENT}-01",
        ),
        (
            f"{ROOT};Parent=53995c3f42cd8ad8;Sampled=0",
            f"{PARENT}-00",
        ),
        (f"{ROOT};Parent=53995c3f42cd8ad8", f"{PARENT}-00"),
        (
            f"Sampled=1; Parent=53995c3f42cd8ad8; {ROOT}; Lineage=a:1|b:0",
            f"{PARENT}-01",
        ),
    ],
)
def test_the_trace_of_lambda_goes_on_as_traceparent(header: str, traceparent: str) -> None:
    trace = read_trace_header(header)
    assert trace is not None
    assert trace.traceparent == traceparent


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        ROOT,
        "Parent=53995c3f42cd8ad8",
        f"{ROOT};Parent=53995c3f42cd8ad",
        f"{ROOT};Parent=53995C3F42CD8AD8",
        f"{ROOT};Parent=0000000000000000",
        "Root=1-00000000-000000000000000000000000;Parent=53995c3f42cd8ad8",
        "Root=2-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8",
        f"{PARENT}-01",
    ],
)
def test_another_header_is_no_trace(header: str | None) -> None:
    assert read_trace_header(header) is None


@given(st.text() | st.text(alphabet="Root=Parent1-;Sampled 0a"))
def test_no_header_ever_fails_a_task(header: str) -> None:
    assert read_trace_header(header) is None
