from collections.abc import Callable
from typing import Any

import pytest

from task_schema import RuntimeSpec, check_content

COMFY = RuntimeSpec(name="c", type="comfyui")

type Check = Callable[[Any], list[tuple[str, str | None]]]


def node(**inputs: Any) -> dict[str, Any]:
    return {"class_type": "Node", "inputs": inputs}


@pytest.fixture
def check() -> Check:
    def found(graph: Any) -> list[tuple[str, str | None]]:
        return [(fault.message, fault.field) for fault in check_content(COMFY, "pipeline", graph)]

    return found


@pytest.mark.parametrize(
    "graph",
    [
        {"1": node()},
        {"1": node(), "2": node(a=["1", 0]), "3": node(a=["1", 0], b=["2", 1])},
        {"1": node(text="a", list=[1, 2], pair=["a", "b"], flags=["a", True]), "2": {**node(), "_meta": {}}},
    ],
)
def test_a_workflow_in_api_format_is_taken(check: Check, graph: Any) -> None:
    assert check(graph) == []


def test_an_empty_workflow_is_refused(check: Check) -> None:
    ((message, field),) = check({})
    assert "empty" in message
    assert field == "content"


def test_the_editors_format_is_told_how_to_export(check: Check) -> None:
    ((message, field),) = check({"nodes": [{"id": 1}], "links": [], "version": 0.4})
    assert "API" in message
    assert field == "content"


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (5, "content.2"),
        (None, "content.2"),
        ({"inputs": {}}, "content.2.class_type"),
        ({"class_type": "", "inputs": {}}, "content.2.class_type"),
        ({"class_type": 5, "inputs": {}}, "content.2.class_type"),
        ({"class_type": "Node"}, "content.2.inputs"),
        ({"class_type": "Node", "inputs": []}, "content.2.inputs"),
        (node(image=["9", 0]), "content.2.inputs.image"),
    ],
)
def test_a_broken_node_is_named(check: Check, broken: Any, field: str) -> None:
    assert [found for _, found in check({"1": node(), "2": broken})] == [field]


@pytest.mark.parametrize(
    ("graph", "path"),
    [
        ({"1": node(a=["1", 0])}, "1 -> 1"),
        ({"1": node(a=["2", 0]), "2": node(a=["1", 0])}, "1 -> 2 -> 1"),
        (
            {"0": node(a=["1", 0]), "1": node(a=["2", 0]), "2": node(a=["3", 0]), "3": node(a=["1", 0])},
            "1 -> ",
        ),
    ],
)
def test_a_cycle_is_refused_with_its_path(check: Check, graph: Any, path: str) -> None:
    ((message, _),) = check(graph)
    assert path in message


def test_a_chain_of_thousands_of_nodes_is_walked(check: Check) -> None:
    graph = {"0": node()} | {str(i): node(a=[str(i - 1), 0]) for i in range(1, 5000)}
    assert check(dict(reversed(graph.items()))) == []


def test_a_diamond_is_no_cycle(check: Check) -> None:
    graph = {"1": node(), "2": node(a=["1", 0]), "3": node(a=["1", 0]), "4": node(a=["2", 0], b=["3", 0])}
    assert check(graph) == []
