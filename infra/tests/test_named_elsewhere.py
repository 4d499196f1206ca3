"""Every metric that alarms and the dashboard name is one that code emits, every alarm is on the page.

It reads files of other parts of the repository.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.observability.names import NAMESPACE, Agent, AgentLabel, Notifier, StatusFunction, Validator
from infra.testing import Template
from task_schema import TaskCode

ROOT = Path(__file__).parents[2]
SERVICES = ROOT / "services"
# A test of the agent's compares this table with what the agent emits.
AGENTS_TABLE = SERVICES / "queue-agent" / "README.md"

SCRAPE_ADDS = {AgentLabel.CLUSTER, AgentLabel.RUNTIME, AgentLabel.FAULT}


def strings(*folders: Path) -> set[str]:
    """Return all string literals in some folders' code."""
    return {
        node.value
        for folder in folders
        for path in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@pytest.fixture(scope="module", name="notifier")
def _notifier() -> set[str]:
    return strings(SERVICES / "notifier" / "src")


@pytest.fixture(scope="module", name="validator")
def _validator() -> set[str]:
    return strings(SERVICES / "validator" / "src")


@pytest.fixture(scope="module", name="agents")
def _agents() -> dict[str, set[str]]:
    """The labels of each of the agent's metrics."""
    rows = re.findall(r"^\| `(darkroom_\w+)` \|([^|]*)\|", AGENTS_TABLE.read_text(), re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def of_agents(template: Template) -> Iterator[tuple[str, set[str]]]:
    """Yield the name and the dimensions of each metric of the agents that an alarm names."""
    for alarm in template.properties("AWS::CloudWatch::Alarm").values():
        stats = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
        for metric in stats or [alarm]:
            if metric["Namespace"] == NAMESPACE:
                yield metric["MetricName"], {each["Name"] for each in metric["Dimensions"]}


def test_what_leaves_the_cluster_is_what_agents_have(agents: dict[str, set[str]]) -> None:
    assert set(Agent.UNITS) <= set(agents)


def test_the_labels_that_alarms_go_by_are_the_agents_or_the_scrapes(
    observed: Template, agents: dict[str, set[str]]
) -> None:
    found = list(of_agents(observed))
    assert found
    for name, dimensions in found:
        assert dimensions - SCRAPE_ADDS <= agents[name]


def test_failures_have_a_code_and_a_result(agents: dict[str, set[str]]) -> None:
    assert {AgentLabel.CODE, AgentLabel.RESULT, AgentLabel.RUNTIME} <= agents[Agent.TASKS]


def test_the_notifier_counts_what_is_watched(notifier: set[str]) -> None:
    assert {Notifier.LETTERS, Notifier.SWEEP_FAILURES, Notifier.SWEPT} <= notifier
    assert {Notifier.WEBHOOKS, Notifier.WEBHOOK_TRIES, Notifier.WEBHOOK_FAILURES} <= notifier
    assert {Notifier.DELIVERED, Notifier.GONE, Notifier.RETRIED} <= notifier
    assert set(Notifier.HARMLESS) - {code.value for code in TaskCode} <= notifier


def test_the_validator_counts_what_is_watched(validator: set[str]) -> None:
    assert {Validator.ACCEPTED, Validator.REFUSED, Validator.UNAVAILABLE, Validator.UPLOADS} <= validator


def test_the_status_function_counts_what_is_watched() -> None:
    assert {StatusFunction.UNAVAILABLE, *StatusFunction.ANSWERED} <= strings(SERVICES / "status" / "src")


def test_namespace_and_service_are_those_of_the_functions(template: Template, notifier: set[str]) -> None:
    assert NAMESPACE in notifier | strings(ROOT / "libs" / "telemetry" / "src")
    services = {
        function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        for function in template.properties("AWS::Lambda::Function").values()
    }
    assert services == {Notifier.SERVICE, Validator.SERVICE, StatusFunction.SERVICE}


def test_the_page_has_a_section_for_each_alarm_and_for_no_other(observed: Template) -> None:
    page = ROOT / "docs" / "operate" / "alarms.md"
    sections = re.findall(r"^### ([a-z0-9-]+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    named = {
        each["AlarmName"].rpartition("/")[2]
        for each in observed.properties("AWS::CloudWatch::Alarm").values()
    }
    assert sorted(sections) == sorted(named)
