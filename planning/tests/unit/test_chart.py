"""The simulator's defaults are what the chart sets: neither changes without the other."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from planning.simulation.rules import ScaledObject
from planning.simulation.settings import Machines

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def values() -> Any:
    return yaml.safe_load((ROOT / "charts/sd-on-eks/values.yaml").read_text(encoding="utf-8"))


def test_scaling_is_the_chart_s(values: Any) -> None:
    scaling, simulated = values["runtime"]["scaling"], ScaledObject()
    assert simulated.queue_length == scaling["queueLength"]
    assert simulated.minimum == scaling["minReplicaCount"]
    assert simulated.maximum == scaling["maxReplicaCount"]
    assert simulated.cooldown == scaling["cooldownPeriod"]
    assert simulated.polling == scaling["pollingInterval"]
    assert simulated.count_in_flight == scaling["scaleOnInFlight"]


def test_the_window_is_the_longest_inference(values: Any) -> None:
    assert values["runtime"]["scaling"]["scaleDownStabilizationSeconds"] == 0
    assert ScaledObject().down.window == values["runtime"]["queueAgent"]["inferenceLimitSeconds"]


def test_the_rate_of_going_down_is_the_chart_s() -> None:
    template = (ROOT / "charts/sd-on-eks/templates/scaling.yaml").read_text(encoding="utf-8")
    [policy] = ScaledObject().down.policies
    said = f'(dict "type" "{policy.type}" "value" {policy.value} "periodSeconds" {policy.seconds})'
    assert said in template
    assert '"stabilizationWindowSeconds" 0' in template


def test_nodes_are_the_chart_s(values: Any) -> None:
    provisioner, machines = values["karpenter"]["provisioner"], Machines()
    assert f"{machines.keep_empty:g}s" == provisioner["disruption"]["consolidateAfter"]
    assert machines.most_nodes == provisioner["resourceLimits"]["nvidia.com/gpu"]


def test_the_grace_of_agents_is_the_chart_s() -> None:
    times = (ROOT / "charts/sd-on-eks/templates/_times.tpl").read_text(encoding="utf-8")
    assert f"min {Machines().grace:g} (add" in times
