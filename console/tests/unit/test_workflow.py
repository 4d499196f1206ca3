import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.models import Workflow
from console.workflow import check
from task_schema import Deployment, RequestRefusedError, RuntimeSpec, parse_v1alpha2

GOOD: dict[str, Any] = {
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
    "6": {
        "class_type": "CLIPTextEncode",
        "inputs": {"text": "<script>alert(1)</script>", "clip": ["4", 1]},
        "_meta": {"title": "Prompt"},
    },
}


def faults_by_node(workflow: Workflow) -> dict[str, list[str]]:
    return {node.id: [fault.message for fault in node.faults] for node in workflow.nodes if node.faults}


def told_by_the_api(content: Any) -> list[dict[str, Any]]:
    metadata = {"id": "x", "runtime": "c", "tasktype": "pipeline", "prefix": "p"}
    deployment = Deployment(runtimes=(RuntimeSpec(name="c", type="comfyui"),))
    try:
        parse_v1alpha2(json.dumps({"task": {"metadata": metadata, "content": content}}), deployment)
    except RequestRefusedError as exc:
        return [fault.model_dump(mode="json") for fault in exc.refusal().errors]
    return []


def test_a_good_workflow_has_its_nodes_listed_as_they_come_with_links_and_titles() -> None:
    workflow = check(GOOD)
    assert workflow.faults == []
    assert [(node.id, node.class_type, node.title) for node in workflow.nodes] == [
        ("4", "CheckpointLoaderSimple", None),
        ("6", "CLIPTextEncode", "Prompt"),
    ]
    assert [(one.name, one.value, one.link) for one in workflow.nodes[1].inputs] == [
        ("text", "<script>alert(1)</script>", None),
        ("clip", ["4", 1], "4"),
    ]


def test_each_fault_stands_beside_its_node() -> None:
    graph = {
        **GOOD,
        "7": {"inputs": {}},
        "8": {"class_type": "VAEDecode"},
        "9": "no node",
        "10": {"class_type": "SaveImage", "inputs": {"images": ["99", 0]}},
        "11": {"class_type": "LoadImage", "inputs": {"image": "upload://not-an-id"}},
    }
    workflow = check(graph)
    assert workflow.faults == []
    found = faults_by_node(workflow)
    assert list(found) == ["7", "8", "9", "10", "11"]
    assert found["10"] == ["input images of node 10 comes from node 99, which does not exist"]
    assert "upload://<id>" in found["11"][0]


def test_a_cycle_is_told_at_a_node_that_is_part_of_it() -> None:
    graph = {
        "a": {"class_type": "X", "inputs": {"in": ["b", 0]}},
        "b": {"class_type": "X", "inputs": {"in": ["a", 0]}},
    }
    found = faults_by_node(check(graph))
    assert len(found) == 1
    assert "depend on each other" in next(iter(found.values()))[0]


def test_a_node_whose_id_begins_as_another_one_does_has_its_own_faults() -> None:
    graph = {
        "1": {"class_type": "X", "inputs": {}},
        "1.5": {"class_type": "", "inputs": {}},
        "12": {"class_type": "X", "inputs": {}},
        "12:3": {"class_type": "X", "inputs": {"a.b": ["no", 0]}},
    }
    assert list(faults_by_node(check(graph))) == ["1.5", "12:3"]


def test_the_editors_own_format_is_one_fault_of_the_whole_and_no_nodes() -> None:
    workflow = check({"nodes": [], "links": [], "version": 0.4})
    assert workflow.nodes == []
    assert ["editor's own format" in fault.message for fault in workflow.faults] == [True]


@pytest.mark.parametrize("graph", [{}, {"1": {"class_type": "X", "inputs": {"n": float("nan")}}}])
def test_what_is_no_workflow_at_all_has_a_fault_and_no_nodes(graph: dict[str, Any]) -> None:
    workflow = check(graph)
    assert workflow.nodes == []
    assert len(workflow.faults) == 1


@pytest.mark.parametrize("depth", [95, 150, 5000])
def test_a_workflow_that_is_nested_too_deeply_is_refused_and_not_choked_on(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    workflow = check({"1": {"class_type": "X", "inputs": {"deep": value}}})
    assert [fault.code for fault in workflow.faults] == ([] if depth < 96 else ["bad_json"])
    assert (workflow.nodes == []) == bool(workflow.faults)


def test_very_many_faults_are_cut_as_the_api_cuts_them() -> None:
    graph = {
        str(number): {"class_type": "LoadImage", "inputs": {"image": "upload://x", "b": ["no", 0]}}
        for number in range(80)
    }
    workflow = check(graph)
    told = told_by_the_api(graph)
    shown = [fault for node in workflow.nodes for fault in node.faults] + workflow.faults
    assert sorted(fault.message for fault in shown) == sorted(fault["message"] for fault in told)
    assert ["more faults" in fault.message for fault in workflow.faults] == [True]


def test_a_fault_of_a_node_with_a_very_long_id_stands_beside_it() -> None:
    long = "n" * 3000
    workflow = check({long: {"class_type": "X"}, "1": {"class_type": "X", "inputs": {}}})
    assert [(node.id, len(node.faults)) for node in workflow.nodes] == [(long, 1), ("1", 0)]


NODES = st.one_of(
    st.none(),
    st.text(max_size=3),
    st.fixed_dictionaries(
        {},
        optional={
            "class_type": st.one_of(st.sampled_from(["LoadImage", "X", ""]), st.integers()),
            "inputs": st.one_of(
                st.none(),
                st.dictionaries(
                    st.sampled_from(["image", "a", "a.b"]),
                    st.one_of(
                        st.just("upload://x"),
                        st.integers(),
                        st.tuples(st.sampled_from("123x"), st.integers()).map(list),
                    ),
                ),
            ),
            "_meta": st.one_of(st.none(), st.just({"title": 7}), st.just({"title": "t"})),
        },
    ),
)


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(st.sampled_from(["1", "2", "3", "1.inputs", "1.inputs.a", "", "nodes"]), NODES))
def test_all_that_the_api_says_is_shown_once_and_nothing_else(graph: dict[str, Any]) -> None:
    workflow = check(graph)
    shown = [fault.model_dump() for node in workflow.nodes for fault in node.faults]
    shown += [fault.model_dump() for fault in workflow.faults]
    told = told_by_the_api(graph)
    assert sorted(map(str, shown)) == sorted(map(str, told))
