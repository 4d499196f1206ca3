"""`extraValues` for our own chart, before anything is deployed."""

from pathlib import Path
from typing import Any

import pytest

from infra.app import synthesise
from infra.artifacts import Zips
from infra.config import Config
from infra.errors import SynthesisError
from infra.runtimes.extra_values import ChartSchema

CHART = Path(__file__).parents[2] / "charts" / "sd-on-eks"
OURS = ChartSchema(CHART)


def nested(path: str, value: Any) -> dict[str, Any]:
    for key in reversed(path.split(".")):
        value = {key: value}
    found: dict[str, Any] = value
    return found


@pytest.mark.parametrize(
    ("at", "value", "path", "words"),
    [
        # of the chart before ours, and slips
        ("runtime.queueAgent.XRay", {"enabled": True}, None, ["the chart has no such value", "extraEnv"]),
        ("runtime.queueAgent.XRay", None, None, ["the chart has no such value"]),
        ("runtime.persistence.storageClass", "efs", None, ["no such value", "existingClaim, folders"]),
        ("runtime.queueName", "q", None, ["no such value"]),
        ("runtime.scaling.maxReplicacount", 3, None, ["did you mean maxReplicaCount?", "minReplicaCount"]),
        ("tolerations", [], None, ["no such value", "known are cluster, global, imageRegistry, karpenter"]),
        # what is no value of its kind
        ("runtime.scaling", 5, None, ["5 is not allowed", "a mapping; known are cooldownPeriod"]),
        ("runtime.scaling.enabled", "yes", None, ['"yes" is not allowed; allowed is true or false']),
        ("runtime.scaling.queueLength", 0, None, ["0 is not", "a whole number, of at least 1"]),
        ("runtime.inferenceApi.image.tag", "", None, ['"" is not allowed', "not empty"]),
        ("runtime.inferenceApi.port", 70000, None, ["of at least 1, of at most 65535"]),
        ("runtime.inferenceApi.extraEnv", 5, None, ["5 is not allowed; allowed is a mapping or a list"]),
        ("runtime.queueAgent.extraEnv", {"A": [1]}, "A", ["[1] is not", "text or a number or true or false"]),
        ("runtime.queueAgent.extraEnv", [{"value": "x"}], "[0]", ["name is missing"]),
        ("runtime.queueAgent.inferenceLimits", {"x": -1}, "x", ["a number, above 0, of at most 43200"]),
        ("runtime.modelPaths", {}, None, ["no such value"]),
        ("imageRegistry", "a registry", None, ['"a registry" is not allowed', "text, that matches ^"]),
        ("karpenter.nodeTemplate.amiFamily", "AL2", None, ['allowed is "Bottlerocket", "AL2023"']),
        ("karpenter.nodeTemplate.dataVolume.volumeInitializationRate", 50, None, ["allowed is 0 or a whole"]),
        ("karpenter.provisioner.instanceType", [], None, ["allowed is a list, not empty, each once"]),
    ],
)
def test_what_the_chart_does_not_take_is_told_with_its_path_and_what_it_takes(
    at: str, value: Any, path: str | None, words: list[str]
) -> None:
    [found] = OURS.problems("extraValues", nested(at, value))
    below = "" if path is None else path if path.startswith("[") else f".{path}"
    assert found.partition(": ")[0] == f"extraValues.{at}{below}"
    assert [word for word in words if word not in found] == []


def test_everything_is_told_at_once() -> None:
    wrong = {"a": 1, "b": 2, "runtime": {"scaling": {"queueLength": 0}, "XRay": True}}
    assert [text.partition(": ")[0] for text in OURS.problems("x", wrong)] == [
        "x.a",
        "x.b",
        "x.runtime.XRay",
        "x.runtime.scaling.queueLength",
    ]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"runtime": {"inferenceApi": {"resources": {"limits": None}}}},  # takes a default away
        {"runtime": {"inferenceApi": {"image": {"repository": "<account_id>.dkr.ecr.<region>.x/sdwebui"}}}},
        {"runtime": {"queueAgent": {"extraEnv": {"A": 1e6}}}},
        {"karpenter": {"provisioner": {"instanceType": ["g5.xlarge"], "capacityType": {"spot": True}}}},
    ],
)
def test_what_the_chart_takes_passes(values: dict[str, Any]) -> None:
    assert OURS.problems("x", values) == []


def test_sections_that_are_left_empty_count_as_left_out() -> None:
    empty = {
        "networkPolicy": None,
        "runtime": {"scaling": None, "serviceAccountName": None, "labels": None},
        "karpenter": {"provisioner": {"disruption": None, "consolidation": False}},
    }
    assert OURS.filled(empty) == {
        "runtime": {"serviceAccountName": None, "labels": None},
        "karpenter": {"provisioner": {"consolidation": False}},
    }


def test_a_chart_without_a_schema_takes_everything(tmp_path: Path) -> None:
    theirs = ChartSchema(tmp_path)
    values = {"anything": {"goes": None}}
    assert theirs.problems("x", values) == []
    assert theirs.filled(values) == values


def test_nothing_is_synthesised_of_values_that_the_chart_does_not_take(
    settings: dict[str, Any], zips: Zips, tmp_path: Path
) -> None:
    def entry(name: str, **more: Any) -> dict[str, Any]:
        extra = {"runtime": {"XRay": True}}
        return {"name": name, "namespace": name, "type": "comfyui", "extraValues": extra, **more}

    theirs = entry("theirs", chartRepository="https://charts.example.org/")
    config = Config.model_validate(settings | {"modelsRuntime": [entry("a"), theirs, entry("b")]})
    with pytest.raises(SynthesisError) as caught:
        synthesise(config, zips=zips, chart=CHART, outdir=tmp_path)
    first, *told = str(caught.value).splitlines()
    assert first == "the chart does not take these values:"
    assert [line.strip().partition(": ")[0] for line in told] == [
        f"modelsRuntime[{index}].extraValues.runtime.XRay" for index in (0, 2)
    ]
