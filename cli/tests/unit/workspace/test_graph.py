import xml.etree.ElementTree as ET

import pytest

from darkroom_cli.workspace import drawing, graph
from darkroom_cli.workspace.graph import Why
from darkroom_cli.workspace.svg import svg
from darkroom_cli.workspace.tools import Target

NAME = "{http://www.w3.org/2000/svg}"


def source(path: str, *needed: str, kind: str = "python_source") -> Target:
    return Target(path, kind, needed)


TARGETS = [
    source("libs/netguard/src/netguard/a.py"),
    source("libs/s3io/src/s3io/a.py", "libs/netguard/src/netguard/a.py", "3rdparty:boto3"),
    source("libs/s3io/tests/test_a.py", "libs/ministack-testing/src/m.py", kind="python_test"),
    source("libs/s3io/tests/conftest.py", "libs/telemetry/src/t.py", kind="python_test_utils"),
    source("libs/ministack-testing/src/m.py"),
    source("services/validator/src/validator/a.py", "libs/s3io/src/s3io/a.py"),
    source("services/validator:lambda", "services/validator/src/validator/a.py", kind="lambda_zip"),
    source("services/queue-agent/src/q/a.py", "libs/s3io/src/s3io/a.py"),
    source("charts:chart", "charts/sd-on-eks/values.yaml:../chart", kind="files"),
    source("infra/src/infra/a.py", "charts:chart"),
    source("tests/e2e/a.py", "services/validator:lambda"),
    source("3rdparty:boto3", kind="python_requirement"),
]


@pytest.fixture
def found() -> graph.Graph:
    return graph.build(TARGETS)


def test_edges_are_imports_and_what_is_deployed_or_run_as_it_is(found: graph.Graph) -> None:
    assert found.edges == {
        ("charts", "queue-agent"): Why.RUNS,
        ("infra", "charts"): Why.IMPORTS,
        ("infra", "validator"): Why.DEPLOYS,
        ("queue-agent", "s3io"): Why.IMPORTS,
        ("s3io", "netguard"): Why.IMPORTS,
        ("validator", "s3io"): Why.IMPORTS,
    }


def test_what_only_tests_need_is_no_part_of_it(found: graph.Graph) -> None:
    assert "ministack-testing" not in found.parts
    assert "telemetry" not in found.parts
    assert "e2e" not in found.parts


def test_parts_tell_what_is_released_from_them(found: graph.Graph) -> None:
    told = {name: part.label for name, part in found.parts.items()}
    assert told["validator"] == "zip"
    assert told["queue-agent"] == "image"
    assert told["charts"] == "chart"


def test_every_part_lies_below_all_that_need_it(found: graph.Graph) -> None:
    rows = graph.layers(found)
    depth = {name: number for number, row in enumerate(rows) for name in row}
    assert rows[0] == ["infra"]
    assert all(depth[user] < depth[needed] for user, needed in found.edges)


def test_a_circle_is_named() -> None:
    circle = graph.build(
        [source("libs/a/src/a.py", "libs/b/src/b.py"), source("libs/b/src/b.py", "libs/a/src/a.py")]
    )
    with pytest.raises(ValueError, match="a, b"):
        graph.layers(circle)


def test_the_tree_tells_what_a_part_needs_once(found: graph.Graph) -> None:
    assert drawing.text(found).splitlines() == [
        "infra (program)",
        "├── charts (chart)",
        "│   └── runs queue-agent (image)",
        "│       └── s3io (wheel)",
        "│           └── netguard (wheel)",
        "└── deploys validator (zip)",
        "    └── s3io (wheel), as above",
    ]


def test_mermaid_has_every_part_and_edge(found: graph.Graph) -> None:
    lines = drawing.mermaid(found).splitlines()
    assert lines[0] == "flowchart TD"
    assert "  infra -. deploys .-> validator" in lines
    assert "  queue_agent --> s3io" in lines
    assert len(lines) == 1 + len(found.parts) + len(found.edges)


def test_the_svg_is_well_formed_and_has_every_part_and_edge(found: graph.Graph) -> None:
    root = ET.fromstring(svg(found))
    shown = {text.text for text in root.iter(f"{NAME}text")}
    assert set(found.parts) <= shown
    assert len([path for path in root.iter(f"{NAME}path") if path.get("marker-end")]) == len(found.edges)
    described = root.find(f"{NAME}desc")
    assert described is not None
    assert "infra: imports charts, deploys validator" in (described.text or "")


def test_no_two_boxes_of_the_svg_lie_on_each_other_or_outside(found: graph.Graph) -> None:
    root = ET.fromstring(svg(found))
    whole, *boxes = (
        tuple(float(box.get(key, 0)) for key in ("x", "y", "width", "height"))
        for box in root.iter(f"{NAME}rect")
    )
    assert len(boxes) == len(found.parts)
    for number, (x, y, width, height) in enumerate(boxes):
        assert x >= 0
        assert y >= 0
        assert x + width <= whole[2]
        assert y + height <= whole[3]
        for other in boxes[number + 1 :]:
            assert x + width <= other[0] or other[0] + other[2] <= x or y != other[1]


def test_the_order_of_targets_does_not_matter(found: graph.Graph) -> None:
    assert svg(graph.build(reversed(TARGETS))) == svg(found)


def test_a_repository_without_code_can_be_drawn() -> None:
    empty = graph.build([])
    assert drawing.text(empty) == ""
    assert ET.fromstring(svg(empty)).tag == f"{NAME}svg"
