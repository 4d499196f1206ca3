"""What the chart of a runtime is told, without a stack."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from infra.config import Config
from infra.runtimes.places import Places, QueuePlace
from infra.runtimes.values import ClusterFacts, as_json, chart_values, merged

PLACES = Places(
    table="tasks",
    table_arn="arn:tasks",
    notifications_arn="arn:notifications",
    output_bucket="outputs",
    output_arn="arn:outputs",
    payload_bucket="payloads",
    payload_arn="arn:payloads",
)
QUEUE = QueuePlace(name="q", arn="arn:q", url="https://sqs.example.org/1/q")
CLUSTER = ClusterFacts(
    name="sdoneksStack",
    region="us-east-1",
    node_role="nodes",
    security_group="sg-1",
    registry="registry.example.org",
    subnets=["subnet-1", "subnet-2"],
    node_cidrs=["10.0.0.0/16"],
)


def values(settings: dict[str, Any], **runtime: Any) -> dict[str, Any]:
    entry = {"name": "one", "namespace": "default", "type": "comfyui", **runtime}
    config = Config.model_validate(settings | {"modelsRuntime": [entry]})
    return chart_values(config, config.models_runtime[0], places=PLACES, queue=QUEUE, cluster=CLUSTER)


def test_in_a_vpc_of_the_users_nodes_go_where_the_configuration_says(settings: dict[str, Any]) -> None:
    template = values(settings)["karpenter"]["nodeTemplate"]
    assert template["subnetSelector"] == {"aws-ids": "subnet-1,subnet-2"}


@pytest.mark.parametrize("key", ["subnetSelector", "securityGroupSelector"])
def test_a_selector_of_the_users_replaces_ours_since_both_would_have_to_match(
    settings: dict[str, Any], key: str
) -> None:
    mine = {"Name": "mine"}
    template = values(settings, extraValues={"karpenter": {"nodeTemplate": {key: mine}}})["karpenter"][
        "nodeTemplate"
    ]
    assert template[key] == mine
    assert len(template) == 2


def test_an_image_of_the_agents_that_the_user_names_is_used(settings: dict[str, Any]) -> None:
    mine = {"repository": "mine.example.org/agent", "tag": "7"}
    found = values(settings, extraValues={"runtime": {"queueAgent": {"image": mine}}})
    assert found["runtime"]["queueAgent"]["image"] == mine


def test_a_registry_that_the_user_names_is_the_agents_too(settings: dict[str, Any]) -> None:
    assert "queueAgent" not in values(settings, extraValues={"imageRegistry": "r"})["runtime"]


@pytest.mark.parametrize("empty", [None, {}])
@pytest.mark.parametrize(
    "extra",
    [
        lambda empty: {"runtime": empty},
        lambda empty: {"runtime": {"queueAgent": empty}},
        lambda empty: {"runtime": {"queueAgent": {"image": empty}}},
        lambda empty: {"karpenter": empty},
        lambda empty: {"karpenter": {"nodeTemplate": empty}},
        lambda empty: {"cluster": empty},
    ],
)
def test_sections_that_are_there_and_empty_are_left_out(
    settings: dict[str, Any], extra: Callable[[object], dict[str, Any]], empty: object
) -> None:
    assert values(settings, extraValues=extra(empty)) == values(settings)


@pytest.mark.parametrize(
    ("below", "above", "result"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": "text"}, {"a": "text"}),
        ({"a": "text"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {"b": None}}),
        ({"a": {"b": 1}}, {"a": None}, {"a": {"b": 1}}),
        ({}, {"a": None}, {"a": None}),
        ({"a": 1}, {}, {"a": 1}),
    ],
)
def test_values_are_merged_as_helm_merges_them(
    below: dict[str, Any], above: dict[str, Any], result: dict[str, Any]
) -> None:
    before = json.dumps([below, above])
    assert merged(below, above) == result
    assert json.dumps([below, above]) == before


def test_values_are_the_same_text_each_time_with_nulls_and_all_letters() -> None:
    text = as_json({"b": None, "a": {"ü": [True, 1.5]}})
    assert text == '{"a":{"ü":[true,1.5]},"b":null}'
