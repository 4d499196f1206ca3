"""Rows, conditions and changes in DynamoDB's words."""

from typing import Any

from task_store._conditions import (
    Absent,
    AllOf,
    AtLeast,
    AtMost,
    Changes,
    Condition,
    In,
    Is,
    IsNot,
    Item,
    OneOf,
    Present,
    Scalar,
)

type Value = dict[str, Any]

_OPERATORS = {Is: "=", IsNot: "<>", AtMost: "<=", AtLeast: ">="}


class Expressions:
    """Writes expressions, and gathers the names and values that they refer to.

    Each attribute gets a placeholder: many of their names are words that DynamoDB keeps for itself.
    """

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Value] = {}

    def condition(self, condition: Condition) -> str:
        """Return a condition expression."""
        match condition:
            case AllOf(parts):
                return self._joined(" AND ", parts)
            case OneOf(parts):
                return self._joined(" OR ", parts)
            case Present(name):
                return f"attribute_exists({self._name(name)})"
            case Absent(name):
                return f"attribute_not_exists({self._name(name)})"
            case In(name, values):
                return f"{self._name(name)} IN ({', '.join(self._value(value) for value in values)})"
        return f"{self._name(condition.name)} {_OPERATORS[type(condition)]} {self._value(condition.value)}"

    def update(self, changes: Changes) -> str:
        """Return an update expression."""
        sets = [f"{self._name(name)} = {self._value(value)}" for name, value in changes.put.items()]
        sets += [f"{self._name(name)} = {self._name(source)}" for name, source in changes.copy.items()]
        for name, number in changes.add.items():
            sets.append(f"{self._name(name)} = {self._name(name)} + {self._value(number)}")
        removes = [self._name(name) for name in changes.remove]
        clauses = [("SET", sets), ("REMOVE", removes)]
        return " ".join(f"{verb} {', '.join(terms)}" for verb, terms in clauses if terms)

    def _joined(self, word: str, parts: tuple[Condition, ...]) -> str:
        terms = [self.condition(part) for part in parts]
        return terms[0] if len(terms) == 1 else f"({word.join(terms)})"

    def _name(self, name: str) -> str:
        self.names[f"#{name}"] = name
        return f"#{name}"

    def _value(self, value: Scalar) -> str:
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = to_value(value)
        return placeholder


def to_values(item: Item) -> dict[str, Value]:
    """Return a row as DynamoDB takes it."""
    return {name: to_value(value) for name, value in item.items()}


def to_value(value: Scalar) -> Value:
    """Return one value as DynamoDB takes it."""
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    return {"N": repr(value)}


def from_values(values: dict[str, Value]) -> Item:
    """Read a row that DynamoDB gave; attributes of kinds that this package never writes are left out."""
    item: Item = {}
    for name, value in values.items():
        match value:
            case {"S": str(text)}:
                item[name] = text
            case {"BOOL": bool(flag)}:
                item[name] = flag
            case {"N": str(number)}:
                item[name] = int(number) if number.lstrip("-").isdigit() else float(number)
    return item
