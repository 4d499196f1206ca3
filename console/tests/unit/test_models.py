"""What the server says is what the page's types say: `console/page/src/types.ts`."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from console import feed, models
from task_schema import Status

TYPES = (Path(__file__).parents[2] / "page" / "src" / "types.ts").read_text()
MODELS: dict[str, type[BaseModel]] = {
    "Failure": models.Failure,
    "Fault": models.Fault,
    "RuntimeInfo": models.RuntimeInfo,
    "System": models.System,
    "TaskRow": models.TaskRow,
    "OutputFile": models.OutputFile,
    "WorkflowNode": models.WorkflowNode,
    "Workflow": models.Workflow,
    "Span": models.Span,
    "Step": models.Step,
    "Trace": models.Trace,
    "AgentGlance": models.AgentGlance,
    "RuntimeGlance": models.RuntimeGlance,
    "Moment": models.Moment,
    "Glance": models.Glance,
    "Refusal": models.Refusal,
}


def body_of(interface: str) -> str:
    found = re.search(rf"export interface {interface}(?: extends [^{{]*)? \{{\n(.*?)\n\}}", TYPES, re.DOTALL)
    assert found is not None, interface
    return found[1]


def keys_of(interface: str) -> set[str]:
    return set(re.findall(r"^  (\w+)\??:", body_of(interface), re.MULTILINE))


def test_every_interface_of_the_page_is_one_that_is_checked_here() -> None:
    names = set(re.findall(r"export interface (\w+)", TYPES))
    assert names == set(MODELS) | {"TaskDetail", "TaskRequest", "Events"}


@pytest.mark.parametrize("interface", MODELS)
def test_a_model_has_the_keys_of_its_interface(interface: str) -> None:
    assert set(MODELS[interface].model_fields) == keys_of(interface)


@pytest.mark.parametrize("interface", MODELS)
def test_a_key_may_be_null_where_its_interface_says_so(interface: str) -> None:
    lines = dict(re.findall(r"^  (\w+)\??: (.*);$", body_of(interface), re.MULTILINE))
    nullable = {key for key, text in lines.items() if re.search(r"\| null$", text)}
    ours = {name for name, field in MODELS[interface].model_fields.items() if "None" in str(field.annotation)}
    assert ours & set(lines) == nullable


def test_the_detail_of_a_task_has_what_its_row_has_and_more() -> None:
    keys = keys_of("TaskRow") - {"images"} | keys_of("TaskDetail")
    assert set(models.TaskDetail.model_fields) == keys


def test_the_states_are_those_of_the_api() -> None:
    found = re.search(r"export type Status = (.*);", TYPES)
    assert found is not None
    assert re.findall(r'"(\w+)"', found[1]) == [status.value for status in Status]


def test_the_events_are_those_of_the_page() -> None:
    assert keys_of("Events") == {"reset", "tasks", "glance", "system"}
    assert set(feed.Reset.model_fields) == {"total"}
    assert set(feed.TaskRows.model_fields) == {"tasks"}
    assert set(models.Reachable.model_fields) == {"reachable", "message"}


def test_times_are_milliseconds() -> None:
    assert models.milliseconds(datetime(1970, 1, 1, 0, 0, 1, 500_400, tzinfo=UTC)) == 1500
