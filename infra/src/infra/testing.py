"""Reading what was synthesised, for tests of stacks."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Template:
    """A CloudFormation template, with the questions that tests ask of it."""

    body: Mapping[str, Any]

    @classmethod
    def read(cls, assembly: Path, stack: str) -> "Template":
        """Read the template of a stack from a cloud assembly."""
        return cls(json.loads((assembly / f"{stack}.template.json").read_text(encoding="utf-8")))

    @property
    def outputs(self) -> dict[str, Any]:
        """The outputs' values by their logical names."""
        return {name: output["Value"] for name, output in self.body["Outputs"].items()}

    @property
    def types(self) -> set[str]:
        """The resource types that the template uses."""
        return {resource["Type"] for resource in self.body["Resources"].values()}

    def resources(self, type_: str) -> dict[str, dict[str, Any]]:
        """Return the resources of a type by their logical names."""
        return {name: found for name, found in self.body["Resources"].items() if found["Type"] == type_}

    def properties(self, type_: str) -> dict[str, dict[str, Any]]:
        """Return the properties of the resources of a type by their logical names."""
        return {name: found["Properties"] for name, found in self.resources(type_).items()}

    def only(self, type_: str, *, starting: str = "") -> tuple[str, dict[str, Any]]:
        """Return the logical name and properties of the one resource of a type with that start of its name.

        Raises:
            ValueError: there is none, or more than one.
        """
        [found] = [pair for pair in self.properties(type_).items() if pair[0].startswith(starting)]
        return found

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each statement of each policy, with the logical name of the resource that it stands in."""
        for name, resource in self.body["Resources"].items():
            for document in _documents(resource.get("Properties", {})):
                for statement in document["Statement"]:
                    yield name, statement


def resolved(value: Any) -> Any:
    """Return a template's value with joins and references in it written out: `<Ref or GetAtt>`.

    What comes from another stack is `<its name.the output's name>`.
    """
    match value:
        case {"Fn::Join": [separator, parts]}:
            return separator.join(str(resolved(part)) for part in parts)
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]} | {
            "Fn::GetStackOutput": {"StackName": name, "OutputName": attribute}
        }:
            return f"<{name}.{attribute}>"
        case list():
            return [resolved(item) for item in value]
        case dict():
            return {key: resolved(item) for key, item in value.items()}
        case _:
            return value


def _documents(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "Statement" in value:
            yield value
        for item in value.values():
            yield from _documents(item)
    elif isinstance(value, list):
        for item in value:
            yield from _documents(item)
