"""Conditions on a row and changes of a row, as data.

Each has two readings that must agree: `holds` and `changed` here (the in-memory store), and the expressions
that `_expressions` writes for DynamoDB. The tests compare them on random rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

type Scalar = str | int | float | bool
type Item = dict[str, Scalar]


@dataclass(frozen=True, slots=True)
class Is:
    """The attribute is there and has this value."""

    name: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class IsNot:
    """The attribute has another value, or is not there."""

    name: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class In:
    """The attribute is there and has one of these values (at least one, at most a hundred)."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AtMost:
    """The attribute is a number up to this one."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The attribute is a number from this one on."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Present:
    """The attribute is there."""

    name: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The attribute is not there; of a row that does not exist, none is."""

    name: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Each part holds."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class OneOf:
    """At least one part holds."""

    parts: "tuple[Condition, ...]"


type Condition = Is | IsNot | In | AtMost | AtLeast | Present | Absent | AllOf | OneOf


def holds(condition: Condition, item: Item | None) -> bool:
    """Whether a condition holds for a row; None is no row."""
    row: Item = item or {}
    match condition:
        case AllOf(parts):
            return all(holds(part, row) for part in parts)
        case OneOf(parts):
            return any(holds(part, row) for part in parts)
        case Absent(name):
            return name not in row
        case Present(name):
            return name in row
        case IsNot(name, value):
            return row.get(name) != value
        case _:
            return condition.name in row and _compare(condition, row[condition.name])


def _compare(condition: Is | In | AtMost | AtLeast, actual: Scalar) -> bool:
    match condition:
        case Is(_, value):
            return actual == value
        case In(_, values):
            return actual in values
        case AtMost(_, limit):
            return not isinstance(actual, str) and actual <= limit
        case AtLeast(_, limit):
            return not isinstance(actual, str) and actual >= limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a write changes in a row; each value is computed from the row as it was before.

    Attributes:
        put: attributes and their new values.
        copy: attributes that get the value of another one.
        add: numbers added to attributes that are there.
        remove: attributes that go, where they are there.
    """

    put: Mapping[str, Scalar] = field(default_factory=dict)
    copy: Mapping[str, str] = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)
    remove: tuple[str, ...] = ()


def changed(item: Item, changes: Changes) -> Item:
    """Return the row after the changes."""
    after = {name: value for name, value in item.items() if name not in changes.remove}
    after |= changes.put
    after |= {name: item[source] for name, source in changes.copy.items()}
    for name, number in changes.add.items():
        before = item[name]
        assert not isinstance(before, str)
        after[name] = before + number
    return after
