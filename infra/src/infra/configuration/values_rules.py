"""Rules of `extraValues`: the chart checks its own values, but only at deployment."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

SNAPSHOT = re.compile(r"snap-[0-9a-f]{8,17}")
# What the deployment itself hands to the chart, and where else it is said, if it is.
GIVEN = {
    "name": "name of the runtime",
    "type": "type of the runtime",
    "modelFilename": "modelFilename of the runtime",
    "dynamicModel": "dynamicModel of the runtime",
    "modelBucket": "modelBucketArn",
    "allowedInputS3": "inputs.s3",
    "allowedInputHosts": "inputs.hosts",
    **dict.fromkeys(
        (
            "region",
            "queueName",
            "queueUrl",
            "queueArn",
            "tasksTable",
            "notificationsTopicArn",
            "outputBucket",
            "payloadBucket",
        ),
        "",
    ),
}


def value_at(values: Any, *keys: str) -> Any:
    """Return what is below some keys, or None where there is nothing."""
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values


def values_problems(path: str, values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the values at a path of the file."""
    # The others look into the values, which has to come to an end.
    return list(_not_json(path, values, ())) or [
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


def _given(path: str, values: Mapping[str, Any]) -> Iterator[str]:
    runtime = values.get("runtime")
    for key in runtime if isinstance(runtime, dict) else ():
        if key in GIVEN:
            where = f"it is {GIVEN[key]}" if GIVEN[key] else "nothing in this file sets it"
            yield f"{path}.runtime.{key}: comes from the deployment; leave it out ({where})"


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
