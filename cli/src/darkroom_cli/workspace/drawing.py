"""The graph as text for a terminal, and as Mermaid for a page."""

from collections.abc import Iterator

from darkroom_cli.workspace.graph import Graph, Why, layers


def text(graph: Graph) -> str:
    """Draw a tree below each part that nobody needs; what a part needs is told once, then only named."""
    lines: list[str] = []
    told: set[str] = set()
    for name in (layers(graph) or [[]])[0]:
        if lines:
            lines.append("")
        lines += [_title(graph, name), *_below(graph, name, "", told)]
    return "\n".join(lines)


def mermaid(graph: Graph) -> str:
    """Write a flowchart: full arrows for imports, dotted ones for what is deployed or run as it is."""
    lines = ["flowchart TD"]
    for name, part in graph.parts.items():
        shown = f"{name}<br/><small>{part.label}</small>" if part.label else name
        opening, closing = ("([", "])") if part.group == "libs" else ("[", "]")
        lines.append(f'  {_id(name)}{opening}"{shown}"{closing}')
    for (user, needed), why in graph.edges.items():
        arrow = "-->" if why is Why.IMPORTS else f"-. {why.value} .->"
        lines.append(f"  {_id(user)} {arrow} {_id(needed)}")
    return "\n".join(lines)


def _id(name: str) -> str:
    return name.replace("-", "_")


def _title(graph: Graph, name: str) -> str:
    label = graph.parts[name].label
    return f"{name} ({label})" if label else name


def _below(graph: Graph, name: str, indent: str, told: set[str]) -> Iterator[str]:
    needed = graph.needs(name)
    told.add(name)
    for number, one in enumerate(needed, 1):
        last = number == len(needed)
        why = graph.edges[name, one]
        said = "" if why is Why.IMPORTS else f"{why.value} "
        again = one in told and bool(graph.needs(one))
        again_said = ", as above" if again else ""
        yield f"{indent}{'└──' if last else '├──'} {said}{_title(graph, one)}{again_said}"
        if again:
            continue
        yield from _below(graph, one, indent + ("    " if last else "│   "), told)
