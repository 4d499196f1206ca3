"""The CloudWatch agent's settings: what it scrapes, what CloudWatch gets of it, and where spans go."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from infra.observability.agent_scrape import agents, emf_config, scrape_config
from infra.observability.names import SERVICE_FAULTS, Agent
from task_schema import TaskCode

POD = {
    "__meta_kubernetes_pod_label_darkroom_runtime": "sdruntime",
    "__meta_kubernetes_pod_container_port_name": "health",
    "__meta_kubernetes_pod_phase": "Running",
    "__meta_kubernetes_namespace": "default",
    "__meta_kubernetes_pod_name": "sdruntime-abc",
}


def relabelled(labels: Mapping[str, str], rules: list[dict[str, Any]]) -> dict[str, str] | None:
    """Do what Prometheus does with rules, as far as ours go; None: dropped."""
    found = dict(labels)
    for rule in rules:
        value = ";".join(found.get(source, "") for source in rule["source_labels"])
        matches = re.fullmatch(rule.get("regex", "(.*)"), value) is not None
        if rule["action"] == "keep" and not matches:
            return None
        if rule["action"] == "replace" and matches:
            found[rule["target_label"]] = rule.get("replacement", value)
    return found


def target(**changes: str) -> dict[str, str] | None:
    [job] = scrape_config(["default"])["scrape_configs"]
    return relabelled(POD | changes, job["relabel_configs"])


def sample(name: str, **labels: str) -> dict[str, str] | None:
    [job] = scrape_config(["default"])["scrape_configs"]
    return relabelled({"__name__": name, **labels}, job["metric_relabel_configs"])


def declared(labels: Mapping[str, str]) -> set[tuple[str, ...]]:
    """Return the sets of dimensions that a sample gets, as the agent's EMF exporter matches them."""
    processor = emf_config(cluster="c", region="r", log_group="g")["logs"]["metrics_collected"]["prometheus"]
    found = set()
    for each in processor["emf_processor"]["metric_declaration"]:
        value = ";".join(labels.get(label, "") for label in each["source_labels"])
        named = any(re.search(selector, labels["__name__"]) for selector in each["metric_selectors"])
        if named and re.search(each["label_matcher"], value):
            found |= {
                tuple(dimensions)
                for dimensions in each["dimensions"]
                if set(dimensions) <= {*labels, "ClusterName"}
            }
    return found


def test_a_pod_is_scraped_as_its_runtime() -> None:
    found = target()
    assert found is not None
    assert (found["runtime"], found["namespace"], found["pod"]) == ("sdruntime", "default", "sdruntime-abc")


@pytest.mark.parametrize(
    "changes",
    [
        {"__meta_kubernetes_pod_label_darkroom_runtime": ""},
        {"__meta_kubernetes_pod_container_port_name": "http"},
        {"__meta_kubernetes_pod_phase": "Succeeded"},
    ],
)
def test_other_pods_ports_and_ended_pods_are_not_scraped(changes: dict[str, str]) -> None:
    assert target(**changes) is None


def test_only_the_namespaces_of_runtimes_are_looked_at_each_once() -> None:
    [job] = scrape_config(["b", "a", "b"])["scrape_configs"]
    assert job["kubernetes_sd_configs"] == [{"role": "pod", "namespaces": {"names": ["a", "b"]}}]


@pytest.mark.parametrize(
    "name", ["process_cpu_seconds_total", "darkroom_stage_seconds_bucket", "python_info"]
)
def test_what_nobody_looks_at_stays_in_the_cluster(name: str) -> None:
    assert sample(name) is None


@pytest.mark.parametrize(
    ("code", "fault"),
    [("none", "none"), *((code.value, "service") for code in SERVICE_FAULTS), ("input_refused", "request")],
)
def test_each_code_says_whose_fault_it_was(code: str, fault: str) -> None:
    found = sample(Agent.TASKS, code=code, result="failed")
    assert found is not None
    assert found["fault"] == fault


def test_what_is_ours_may_be_sent_again_and_what_the_request_did_is_not_ours() -> None:
    assert TaskCode.RUNTIME_REFUSED not in SERVICE_FAULTS
    assert TaskCode.INPUT_UNREACHABLE not in SERVICE_FAULTS
    assert [code for code in SERVICE_FAULTS if not code.retryable] == [TaskCode.NO_OUTPUT]


def test_other_metrics_get_no_fault() -> None:
    found = sample(Agent.LOST, code="out_of_memory")
    assert found is not None
    assert "fault" not in found


def test_tasks_are_counted_by_result_by_fault_and_failures_by_code() -> None:
    base = {"__name__": Agent.TASKS, "job": "darkroom-queue-agent", "runtime": "a", "fault": "none"}
    failed = declared({**base, "result": "failed", "code": "timeout"})
    succeeded = declared({**base, "result": "succeeded", "code": "none"})
    assert succeeded == {
        ("ClusterName", "runtime"),
        ("ClusterName", "runtime", "result"),
        ("ClusterName", "runtime", "fault"),
    }
    assert failed - succeeded == {("ClusterName", "runtime", "code")}


@pytest.mark.parametrize("name", [name for name in Agent.UNITS if name != Agent.TASKS])
def test_the_rest_is_summed_for_each_runtime(name: str) -> None:
    labels = {"__name__": name, "job": "darkroom-queue-agent", "runtime": "a", "code": "x", "why": "y"}
    assert declared(labels) == {("ClusterName", "runtime")}


def test_metrics_go_to_the_log_group_and_namespace_that_the_stack_looks_at() -> None:
    found = emf_config(cluster="sdoneksStack", region="r", log_group="/darkroom/x")["logs"][
        "metrics_collected"
    ]
    assert found["prometheus"]["cluster_name"] == "sdoneksStack"
    assert found["prometheus"]["log_group_name"] == "/darkroom/x"
    assert found["prometheus"]["emf_processor"]["metric_namespace"] == "Darkroom"


def test_one_agent_scrapes_and_the_one_on_each_node_takes_spans_from_other_pods() -> None:
    found = agents(cluster="c", region="r", log_group="g", namespaces=["default"])
    scraping = [each for each in found if "prometheus" in each]
    taking = [each for each in found if "traces" in (each["config"] if each["config"] != "default" else {})]
    assert [(each["mode"], each["replicas"], each["hostNetwork"]) for each in scraping] == [
        ("deployment", 1, False)
    ]
    assert [each["name"] for each in taking] == ["cloudwatch-agent"]
    otlp = taking[0]["config"]["traces"]["traces_collected"]["otlp"]
    assert otlp["http_endpoint"] == "0.0.0.0:4318"


def test_nothing_in_the_scrape_looks_like_a_variable() -> None:
    assert "$" not in json.dumps(scrape_config(["default"]))


def test_all_of_it_can_be_a_value_of_the_add_on() -> None:
    found = agents(cluster="c", region="r", log_group="g", namespaces=["default"])
    assert json.loads(json.dumps({"agents": found})) == {"agents": found}
