"""The graph as SVG: parts in layers, users above what they need, the same bytes for the same graph."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from statistics import fmean

from darkroom_cli.workspace.graph import Graph, Why, layers

_BOX = (132, 46)
_GAP = (36, 66)  # between boxes of a layer, and between layers
_EDGE = 28  # around the drawing
_HEAD = 34  # for the explanation at the top
_SWEEPS = 8  # after so many the order has settled
# Fill and line, the colours of the other drawings.
_COLOURS = {"app": ("#fff4e5", "#dba04a"), "services": ("#eaf1fb", "#8fb0dc"), "libs": ("#e9f6ee", "#86bf9b")}
_INK, _SOFT = "#1f2630", "#5b6472"
_DASH = {Why.IMPORTS: "", Why.DEPLOYS: ' stroke-dasharray="7 4"', Why.RUNS: ' stroke-dasharray="2 4"'}
_LINES = "Full lines: imports. Dashed: deploys it as it is. Dotted: runs it. Arrows point to what is needed."

_SMALL = f'fill="{_SOFT}" font-size="11.5"'
_OPENING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    ' font-family="Helvetica, Arial, DejaVu Sans, sans-serif" font-size="13"'
    ' role="img" aria-labelledby="t d">'
)
_ARROWHEAD = (
    '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
    f' orient="auto"><path d="M0 0 8 4 0 8z" fill="{_SOFT}"/></marker></defs>'
)


def svg(graph: Graph) -> str:
    """Draw the graph.

    Raises:
        ValueError: parts need each other in a circle.
    """
    rows = _ordered(graph, layers(graph))
    width = max((_width(row) for row in rows), default=0) + 2 * _EDGE
    width = max(width, 700)
    height = len(rows) * (_BOX[1] + _GAP[1]) - _GAP[1] + 2 * _EDGE + _HEAD
    places = _places(rows, width)
    lines = [
        _OPENING.format(width=width, height=height),
        '<title id="t">Who depends on whom in Darkroom</title>',
        f'<desc id="d">{escape(_described(graph))}</desc>',
        _ARROWHEAD,
        f'<rect width="{width}" height="{height}" rx="14" fill="#fbfaf7"/>',
        f'<text x="{width / 2:g}" y="{_EDGE}" text-anchor="middle" {_SMALL}>{_LINES}</text>',
        *_arrows(graph, rows, places),
        *(line for name in sorted(places) for line in _box(graph, name, places[name])),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _width(row: Sequence[str]) -> int:
    return len(row) * (_BOX[0] + _GAP[0]) - _GAP[0]


def _places(rows: Sequence[Sequence[str]], width: int) -> dict[str, tuple[float, float]]:
    """Return the upper left corner of each box; every layer is centred."""
    return {
        name: (
            (width - _width(row)) / 2 + column * (_BOX[0] + _GAP[0]),
            float(_EDGE + _HEAD + number * (_BOX[1] + _GAP[1])),
        )
        for number, row in enumerate(rows)
        for column, name in enumerate(row)
    }


def _ordered(graph: Graph, rows: list[list[str]]) -> list[list[str]]:
    """Move each part to the middle of its neighbours, down and up; keep the order that crosses least."""
    best = [list(row) for row in rows]
    now = [list(row) for row in rows]
    for sweep in range(_SWEEPS):
        for row in now if sweep % 2 == 0 else reversed(now):
            places = _places(now, 0)
            row.sort(key=lambda name: (_middle(graph, name, places), name))
        if _crossings(graph, now) < _crossings(graph, best):
            best = [list(row) for row in now]
    return best


def _middle(graph: Graph, name: str, places: dict[str, tuple[float, float]]) -> float:
    near = [places[one][0] for one in (*graph.users(name), *graph.needs(name))]
    return fmean(near) if near else places[name][0]


def _crossings(graph: Graph, rows: Sequence[Sequence[str]]) -> int:
    places = _places(rows, 0)
    lines = [(places[user], places[needed]) for user, needed in graph.edges]
    return sum(
        _cross(one, other)
        for number, one in enumerate(lines)
        for other in lines[number + 1 :]
        if one != other
    )


def _cross(
    one: tuple[tuple[float, float], tuple[float, float]],
    other: tuple[tuple[float, float], tuple[float, float]],
) -> bool:
    def side(line: tuple[tuple[float, float], tuple[float, float]], point: tuple[float, float]) -> float:
        (ax, ay), (bx, by) = line
        return (bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)

    return side(one, other[0]) * side(one, other[1]) < 0 and side(other, one[0]) * side(other, one[1]) < 0


def _arrows(
    graph: Graph, rows: Sequence[Sequence[str]], places: dict[str, tuple[float, float]]
) -> Iterator[str]:
    """Draw lines through gaps: one that passes layers swerves where a box would be in its way."""
    for (user, needed), why in graph.edges.items():
        x, y = places[user]
        to_x, to_y = places[needed]
        start = (x + _out(graph.needs(user), needed, places), y + _BOX[1])
        end = (to_x + _out(graph.users(needed), user, places), to_y)
        passed = rows[_row(rows, user) + 1 : _row(rows, needed)]
        points = [start, *_around(passed, places, start, end), end]
        path = f"M{start[0]:.0f} {start[1]:.0f}"
        for (from_x, from_y), (next_x, next_y) in pairwise(points):
            if from_x == next_x:
                path += f"V{next_y:.0f}"
            else:
                half = (from_y + next_y) / 2
                path += f"C{from_x:.0f} {half:.0f} {next_x:.0f} {half:.0f} {next_x:.0f} {next_y:.0f}"
        yield f'<path d="{path}" fill="none" stroke="{_SOFT}"{_DASH[why]} marker-end="url(#a)"/>'


def _out(others: Sequence[str], other: str, places: dict[str, tuple[float, float]]) -> float:
    """Return where along a box the line to `other` begins, so that lines fan out in order."""
    ordered = sorted(others, key=lambda name: (places[name][0], name))
    return _BOX[0] * (ordered.index(other) + 1) / (len(ordered) + 1)


def _row(rows: Sequence[Sequence[str]], name: str) -> int:
    return next(number for number, row in enumerate(rows) if name in row)


def _around(
    passed: Sequence[Sequence[str]],
    places: dict[str, tuple[float, float]],
    start: tuple[float, float],
    end: tuple[float, float],
) -> Iterator[tuple[float, float]]:
    """Return points beside the boxes of the layers that a line passes: in, and straight down."""
    at = start[0]
    for number, row in enumerate(passed, 1):
        straight = start[0] + (end[0] - start[0]) * number / (len(passed) + 1)
        edges = sorted(places[name][0] for name in row)
        gaps = [edges[0] - _GAP[0] / 2, *(left + _BOX[0] + _GAP[0] / 2 for left in edges)]
        clear = [
            x for x in (straight,) if not any(left - 8 <= x <= left + _BOX[0] + 8 for left in edges)
        ] or gaps
        at = min(clear, key=lambda x: (abs(x - straight), abs(x - at)))
        top = places[row[0]][1]
        yield (at, top - 8)
        yield (at, top + _BOX[1] + 8)


def _box(graph: Graph, name: str, place: tuple[float, float]) -> Iterator[str]:
    part = graph.parts[name]
    fill, line = _COLOURS[part.group]
    x, y = place
    middle = x + _BOX[0] / 2
    look = f'rx="9" fill="{fill}" stroke="{line}"'
    yield f'<rect x="{x:g}" y="{y:g}" width="{_BOX[0]}" height="{_BOX[1]}" {look}/>'
    yield (
        f'<text x="{middle:g}" y="{y + (20 if part.label else 28):g}" text-anchor="middle" font-weight="bold"'
        f' fill="{_INK}">{escape(name)}</text>'
    )
    if part.label:
        yield (
            f'<text x="{middle:g}" y="{y + 36:g}" text-anchor="middle" {_SMALL}>{escape(part.label)}</text>'
        )


def _described(graph: Graph) -> str:
    """Say the graph in words, for those who cannot see it."""
    said = [
        f"{name}: {', '.join(f'{graph.edges[name, one].value} {one}' for one in graph.needs(name))}"
        for name in graph.parts
        if graph.needs(name)
    ]
    return "; ".join(said) + "."
