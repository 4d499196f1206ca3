"""Who depends on whom: libraries, services and the rest, as Pants infers it from imports and BUILD files."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from darkroom_cli.workspace.artifacts import ARTIFACTS, Artifact
from darkroom_cli.workspace.tools import Target

# Where code that is shipped lies; tests, tools and third-party packages are no part of the picture.
_PART = re.compile(
    r"^(?:(?:libs|services)/(?P<name>[^/:]+)|(?P<alone>charts|cli|infra|local|snapshots))(?=[/:])"
)
_TESTS = re.compile(r"/tests?[/:]")


class Why(StrEnum):
    """What an edge means."""

    IMPORTS = "imports"
    DEPLOYS = "deploys"
    RUNS = "runs"


@dataclass(frozen=True)
class Part:
    """A library, a service, or another folder of code; `label` tells what is released from it."""

    name: str
    group: str
    label: str


@dataclass(frozen=True)
class Graph:
    """Parts by name, and edges from who needs to what is needed."""

    parts: Mapping[str, Part]
    edges: Mapping[tuple[str, str], Why] = field(default_factory=dict)

    def needs(self, name: str, *why: Why) -> list[str]:
        """Return what a part needs, for these reasons or any, sorted."""
        return sorted(
            needed
            for (one, needed), reason in self.edges.items()
            if one == name and (not why or reason in why)
        )

    def users(self, name: str) -> list[str]:
        """Return who needs a part, sorted."""
        return sorted(one for one, needed in self.edges if needed == name)


def part_of(address: str) -> str | None:
    """Return the folder of code that an address is in; None of what is not shipped."""
    found = _PART.match(address)
    if found is None or _TESTS.search(address):
        return None
    return found["name"] or found["alone"]


def build(targets: Iterable[Target], artifacts: Iterable[Artifact] = ARTIFACTS) -> Graph:
    """Put the targets of each folder together.

    What only a test needs is left out; so is a library that nobody's code needs.
    """
    addresses: defaultdict[str, set[str]] = defaultdict(set)
    edges: dict[tuple[str, str], Why] = {}
    for target in targets:
        part = part_of(target.address)
        if part is None or target.kind.startswith("python_test"):
            continue
        addresses[part].add(target.address)
        for needed in map(part_of, target.dependencies):
            if needed is not None and needed != part:
                edges[part, needed] = Why.IMPORTS
    homes = {
        artifact.name: home
        for artifact in artifacts
        if (home := part_of(artifact.targets)) is not None and home in addresses
    }
    labels: defaultdict[str, list[str]] = defaultdict(list)
    for artifact in artifacts:
        if artifact.name not in homes:
            continue
        labels[homes[artifact.name]].append(artifact.kind.value)
        for name in artifact.deploys:
            if name in homes:
                edges.setdefault((homes[artifact.name], homes[name]), Why.DEPLOYS)
        if artifact.follows is not None and artifact.follows in homes:
            edges.setdefault((homes[artifact.name], homes[artifact.follows]), Why.RUNS)
    parts = {
        name: Part(name, _group(next(iter(found))), ", ".join(labels[name]))
        for name, found in sorted(addresses.items())
    }
    joined = {name for edge in edges for name in edge}
    kept = {name: part for name, part in parts.items() if name in joined or part.label}
    return Graph(kept, {edge: edges[edge] for edge in sorted(edges)})


def layers(graph: Graph) -> list[list[str]]:
    """Put each part below all that need it; the first layer are those whom nobody needs.

    Raises:
        ValueError: parts need each other in a circle.
    """
    depth: dict[str, int] = {}
    waiting = set(graph.parts)
    while waiting:
        free = {name for name in waiting if not waiting.intersection(graph.users(name))}
        if not free:
            raise ValueError(f"these need each other: {', '.join(sorted(waiting))}")
        for name in free:
            depth[name] = 1 + max((depth[user] for user in graph.users(name)), default=-1)
        waiting -= free
    rows: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in sorted(depth):
        rows[depth[name]].append(name)
    return rows


def _group(address: str) -> str:
    return address.partition("/")[0] if address.startswith(("libs/", "services/")) else "app"
