"""What makes an attempt's outputs its own (runtimes.md ComfyUI 4 and 18)."""

import copy
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_agent.comfyui_graph import SALT, NodeClass, own_graph, own_prefix

CORE = NodeClass(writes=True, core=True)
INNER = NodeClass(writes=False, core=True)
CUSTOM = NodeClass(writes=True, core=False)


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


GRAPH = {
    "1": node("EmptyImage", width=64),
    "2": node("SaveImage", images=["1", 0], filename_prefix="sub/ok"),
    "3": node("PreviewImage", images=["1", 0]),
    "4": node("SaveImage", images=["1", 0], filename_prefix=["5", 0]),
    "5": node("PrimitiveString", value="fox"),
}
CLASSES: dict[str, NodeClass | None] = {
    "EmptyImage": INNER,
    "PrimitiveString": INNER,
    "SaveImage": CORE,
    "PreviewImage": CORE,
}


def test_every_node_that_writes_is_made_the_attempts_own_and_no_other_is_touched() -> None:
    before = copy.deepcopy(GRAPH)
    own = own_graph(GRAPH, "a1", CLASSES)
    assert own["2"]["inputs"] == {"images": ["1", 0], "filename_prefix": "darkroom/a1/ok"}
    assert own["3"]["inputs"] == {"images": ["1", 0], SALT: "a1"}
    assert own["4"]["inputs"] == {"images": ["1", 0], "filename_prefix": ["5", 0], SALT: "a1"}
    assert (own["1"], own["5"]) == (GRAPH["1"], GRAPH["5"])
    assert before == GRAPH


def test_where_nothing_is_known_the_last_nodes_are_taken_for_those_that_write() -> None:
    own = own_graph(GRAPH, "a1", {})
    assert own["2"]["inputs"]["filename_prefix"] == "sub/a1-ok"
    assert own["3"]["inputs"][SALT] == "a1"
    assert SALT not in own["1"]["inputs"]


def test_two_attempts_never_share_a_name() -> None:
    one, two = own_graph(GRAPH, "a1", CLASSES), own_graph(GRAPH, "a2", CLASSES)
    assert all(one[key] != two[key] for key in ("2", "3", "4"))
    assert all(one[key] == two[key] for key in ("1", "5"))


def test_what_is_no_node_is_left_to_the_runtime_to_refuse() -> None:
    odd: dict[str, Any] = {"1": "text", "2": {"class_type": "X"}, "3": {"inputs": {}}, "4": None}
    assert own_graph(odd, "a1", {}) == odd


@pytest.mark.parametrize(
    ("prefix", "own"),
    [
        ("fox", "darkroom/a1/fox"),
        ("sub/fox", "darkroom/a1/fox"),
        ("", "darkroom/a1/image"),
        ("../escape", "darkroom/a1/escape"),
        ("/abs/path", "darkroom/a1/path"),
        ("..", "darkroom/a1/image"),
        ("a/", "darkroom/a1/image"),
        ("n_%date:yyyy-MM-dd%", "darkroom/a1/n"),
        ("%width%x%height%", "darkroom/a1/x"),
        ("..\\..\\fox", "darkroom/a1/fox"),
        ("Füchse im Schnee", "darkroom/a1/F_chse_im_Schnee"),
    ],
)
def test_prefixes_of_core_nodes(prefix: str, own: str) -> None:
    """ComfyUI 16 and 18: out of the folder it fails at run time; "" gives "._00001_.png"."""
    assert own_prefix(prefix, "a1", core=True) == own


@pytest.mark.parametrize(
    ("prefix", "own"),
    [("fox", "a1-fox"), ("sub/fox", "sub/a1-fox"), ("../x/fox", "x/a1-fox"), ("", "a1-image")],
)
def test_a_custom_node_gets_no_new_folder(prefix: str, own: str) -> None:
    assert own_prefix(prefix, "a1", core=False) == own


@given(prefix=st.text(max_size=300), core=st.booleans())
def test_no_prefix_leaves_the_output_folder(prefix: str, core: bool) -> None:
    own = own_prefix(prefix, "a1", core)
    assert re.fullmatch(r"[A-Za-z0-9._/-]+", own)
    assert not own.startswith("/")
    assert all(part.strip(".") for part in own.split("/"))
    assert "a1" in own
