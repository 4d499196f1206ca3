"""What a trace tells: its waterfall, its critical path, its waits, and the share of time the GPU worked.

Pure functions of spans. They take what comes: parents that are missing or go in circles, clocks that differ,
children that outlive their parents (a task's processing is a child of a request that was answered long ago).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from local.traces.spans import Span
from telemetry.names import GPU

IN_THE_QUEUE = "in the queue"
BACK_IN_THE_QUEUE = "back in the queue"


@dataclass(eq=False)
class Node:
    """A span in the tree of its trace.

    `first` and `last` are those of the span and all below it, in nanoseconds since 1970. `span` is None for
    the one node above all roots. `consumer` is the child that was the first to take what the span published.
    """

    span: Span | None
    depth: int = -1
    children: list["Node"] = field(default_factory=list)
    first: int = 0
    last: int = 0
    consumer: "Node | None" = None


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the critical path: from `start` to `end` the trace waited for this span alone.

    Where no span was under way, `span_id` is None and `name` says what it waited for.
    """

    span_id: str | None
    name: str
    start: int
    end: int


def tree(spans: Sequence[Span]) -> Node:
    """Return the spans as a tree below a node of its own, children as they began.

    A span whose parent is not among them is a root; of parents in a circle the earliest becomes one.
    """
    nodes = {span.span_id: Node(span) for span in sorted(spans, key=_order)}
    top = Node(None)
    for node in nodes.values():
        parent = nodes.get(_span(node).parent_id or "")
        (parent if parent is not None else top).children.append(node)
    for node in _unreached(top, nodes):
        parent = nodes[_span(node).parent_id or ""]
        parent.children.remove(node)
        top.children.append(node)
        _reach(node)
    top.children.sort(key=lambda node: _order(_span(node)))
    _extend(top)
    return top


def waterfall(top: Node) -> list[Node]:
    """Return the nodes of all spans in the order in which a waterfall shows them: each above its children."""
    return [node for node in _down(top) if node.span is not None]


def critical_path(top: Node) -> list[Step]:
    """Return what the trace's time went into, without overlap, from its begin to its end.

    From the end backwards: time belongs to the child that ended last, before that child to the one that ended
    last until then, and between them to the span itself, or to nobody where that was not under way.
    The steps' durations sum to the trace's.
    """
    steps: list[Step] = []
    left = [(top, top.last)]
    while left:
        node, now = left.pop()
        after: Node | None = None
        for child, until in _blocking(node, now):
            steps += _own(node, until, now, after)
            left.append((child, until))
            now, after = child.first, child
        steps += _own(node, node.first, now, after)
    return sorted(steps, key=lambda step: (step.start, step.end))


def self_times(steps: Sequence[Step]) -> dict[str, int]:
    """Return the nanoseconds that each span has of the critical path; those not on it are left out."""
    times: dict[str, int] = {}
    for step in steps:
        if step.span_id is not None:
            times[step.span_id] = times.get(step.span_id, 0) + step.end - step.start
    return times


def gpu_nanoseconds(spans: Sequence[Span]) -> int:
    """Return how long at least one span was under way in which a GPU worked."""
    total, until = 0, 0
    for span in sorted(spans, key=_order):
        if span.attributes.get(GPU) is True and span.end > until:
            total += span.end - max(span.start, until)
            until = span.end
    return total


def _order(span: Span) -> tuple[int, int, str]:
    return span.start, -span.end, span.span_id


def _span(node: Node) -> Span:
    assert node.span is not None, "only the top has none"
    return node.span


def _down(top: Node) -> Iterator[Node]:
    """Yield all nodes, each before its children; not by recursion, as traces may be deeper than the stack."""
    left = [top]
    while left:
        node = left.pop()
        yield node
        left += reversed(node.children)


def _reach(root: Node) -> None:
    left = [root]
    while left:
        node = left.pop()
        for child in node.children:
            child.depth = node.depth + 1
        left += node.children


def _unreached(top: Node, nodes: dict[str, Node]) -> Iterator[Node]:
    """Set the depths; yield the earliest node of each circle, until the caller has opened it."""
    _reach(top)
    for node in nodes.values():
        if node.depth < 0:
            earliest = min(_circle(node, nodes), key=lambda each: _order(_span(each)))
            earliest.depth = 0
            yield earliest


def _circle(node: Node, nodes: dict[str, Node]) -> list[Node]:
    """Return the circle that a node hangs off or is in; what hangs off it keeps its parent."""
    passed: dict[str, Node] = {}
    while (span := _span(node)).span_id not in passed:
        passed[span.span_id] = node
        node = nodes[span.parent_id or ""]
    above = list(passed.values())
    return above[above.index(node) :]


def _extend(top: Node) -> None:
    for node in reversed(list(_down(top))):
        firsts = [child.first for child in node.children]
        lasts = [child.last for child in node.children]
        if node.span is not None:
            firsts.append(node.span.start)
            lasts.append(node.span.end)
        node.first, node.last = min(firsts, default=0), max(lasts, default=0)
        consumers = (child for child in node.children if _span(child).kind == "consumer")
        node.consumer = next(consumers, None)


def _blocking(node: Node, last: int) -> Iterator[tuple[Node, int]]:
    """Yield the children that the node waited for, latest first, each with the time until when it did.

    Where several were under way, it is the one that ended first: the others were not what it waited for.
    """
    now = last
    waiting = sorted(node.children, key=lambda child: (child.last, child.first))
    under_way: list[Node] = []
    while waiting or under_way:
        while waiting and waiting[-1].last >= now:
            under_way.append(waiting.pop())
        child = under_way.pop() if under_way else waiting.pop()
        if child.first < now:
            yield child, min(child.last, now)
            now = child.first


def _own(node: Node, start: int, end: int, after: Node | None) -> list[Step]:
    """Return the steps of a time in which no child was under way: the span's own, and around it nobody's."""
    if end <= start:
        return []
    span = node.span
    if span is None:
        return [Step(None, _wait(node, after), start, end)]
    inner = max(start, min(end, span.start)), min(end, max(start, span.end))
    steps = [
        Step(None, _wait(node, after), start, inner[0]),
        Step(span.span_id, span.name, *inner),
        Step(None, _wait(node, after), inner[1], end),
    ]
    return [step for step in steps if step.end > step.start]


def _wait(node: Node, after: Node | None) -> str:
    if after is None:
        return "waiting"
    span = _span(after)
    if node.span is None or node.span.kind != "producer" or span.kind != "consumer":
        return f"before {span.name}"
    return IN_THE_QUEUE if node.consumer is after else BACK_IN_THE_QUEUE
