"""Rules of `extraValues` that hold whatever the chart: ours has more (`infra.runtimes.extra_values`)."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

SNAPSHOT = re.compile(r"snap-[0-9a-f]{8,17}")
# What the deployment itself hands to the chart, and where else it is said, if it is.
GIVEN = {
    ("runtime", "name"): "name of the runtime",
    ("runtime", "type"): "type of the runtime",
    ("runtime", "modelFilename"): "modelFilename of the runtime",
    ("runtime", "dynamicModel"): "dynamicModel of the runtime",
    ("runtime", "modelBucket"): "modelBucketArn",
    ("runtime", "allowedInputS3"): "inputs.s3",
    ("runtime", "allowedInputHosts"): "inputs.hosts",
    ("runtime", "region"): "",
    ("runtime", "queueUrl"): "",
    ("runtime", "tasksTable"): "",
    ("runtime", "notificationsTopicArn"): "",
    ("runtime", "outputBucket"): "",
    ("runtime", "payloadBucket"): "",
    ("cluster", "name"): "<stackName>Stack",
    ("cluster", "nodeRole"): "",
}
# What the stacks look into, whatever the chart.
SECTIONS = (("runtime",), ("karpenter",), ("karpenter", "nodeTemplate"), ("cluster",))
ACCOUNT = ("runtime", "serviceAccountName")


def value_at(values: Any, *keys: str) -> Any:
    """Return what is below some keys, or None where there is nothing."""
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values


def values_problems(path: str, values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the values at a path of the file."""
    # The others look into the values, which has to come to an end.
    return list(_not_json(path, values, ())) or [
        *_shapes(path, values),
        *_given(path, values),
        *_snapshot(path, values),
        *_tags(path, values),
    ]


def _not_json(path: str, value: Any, above: tuple[int, ...]) -> Iterator[str]:
    """Find what Helm's values cannot hold, although YAML can."""
    if id(value) in above:
        yield f"{path}: contains itself; allowed are text, numbers, true, false, lists and mappings"
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(key, str):
                yield from _not_json(f"{path}.{key}", inner, (*above, id(value)))
            else:
                yield f"{path}: the key {key!r} is not text; put it in quotes"
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _not_json(f"{path}[{index}]", inner, (*above, id(value)))
    elif not isinstance(value, str | int | float | None) or (
        isinstance(value, float) and not math.isfinite(value)
    ):
        yield (
            f"{path}: {value} is not allowed; allowed are text, numbers, true, false, lists and mappings"
            " (put dates in quotes)"
        )


def _shapes(path: str, values: Mapping[str, Any]) -> Iterator[str]:
    for section in SECTIONS:
        found = value_at(values, *section)
        if found is not None and not isinstance(found, dict):
            yield f"{path}.{'.'.join(section)}: {found!r} is not a mapping"
    name = value_at(values, *ACCOUNT)
    if name is not None and not isinstance(name, str):
        yield f"{path}.{'.'.join(ACCOUNT)}: {name!r} is not allowed; allowed is text"


def _given(path: str, values: Mapping[str, Any]) -> Iterator[str]:
    for (section, key), origin in GIVEN.items():
        found = values.get(section)
        if isinstance(found, dict) and key in found:
            where = f"it is {origin}" if origin else "nothing in this file sets it"
            yield f"{path}.{section}.{key}: comes from the deployment; leave it out ({where})"


def _snapshot(path: str, values: Mapping[str, Any]) -> Iterator[str]:
    at = ("karpenter", "nodeTemplate", "dataVolume", "snapshotID")
    snapshot = value_at(values, *at)
    if snapshot and (not isinstance(snapshot, str) or SNAPSHOT.fullmatch(snapshot) is None):
        yield (
            f'{path}.{".".join(at)}: "{snapshot}" is not allowed;'
            " allowed is the id of an EBS snapshot, such as snap-0123456789abcdef0"
        )


def _tags(path: str, values: Mapping[str, Any]) -> Iterator[str]:
    for part in ("inferenceApi", "queueAgent"):
        tag = value_at(values, "runtime", part, "image", "tag")
        if tag is not None and not isinstance(tag, str):
            yield (
                f"{path}.runtime.{part}.image.tag: {tag} is not text;"
                ' put it in quotes, as YAML reads 1.10 as the number 1.1: "1.10"'
            )
