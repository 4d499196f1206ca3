"""What holds for the observability stack as a whole, and its dashboard."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.testing import Template, resolved

WIDGETS_OF_A_RUNTIME = 4


def widgets(template: Template) -> list[dict[str, Any]]:
    _, dashboard = template.only("AWS::CloudWatch::Dashboard")
    found: list[dict[str, Any]] = json.loads(resolved(dashboard["DashboardBody"]))["widgets"]
    return found


def graphed(template: Template) -> Iterator[tuple[str, str]]:
    """Yield namespace and name of each metric on the dashboard."""
    for widget in widgets(template):
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], str):
                yield metric[0], metric[1]


def test_it_is_deployed_after_the_dispatch_stack(assembly: Path) -> None:
    manifest = json.loads((assembly / "manifest.json").read_text())
    assert "sdoneksStack" in manifest["artifacts"]["sdoneksObservabilityStack"]["dependencies"]


def test_it_reads_only_outputs_that_the_dispatch_stack_has(observed: Template, template: Template) -> None:
    text = json.dumps(observed.body)
    read = set(_outputs(observed.body))
    assert read <= set(template.outputs)
    assert "Fn::ImportValue" not in text


def test_it_belongs_to_no_account_region_or_partition(assembly: Path) -> None:
    text = (assembly / "sdoneksObservabilityStack.template.json").read_text()
    assert "arn:aws:" not in text
    assert "us-east-1" not in text


def test_the_dashboard_has_a_row_for_each_runtime_and_shows_every_alarm(observed: Template) -> None:
    titles = [widget["properties"].get("title", "") for widget in widgets(observed)]
    for runtime in ("sdruntime", "sddynamic", "comfy-runtime"):
        assert len([title for title in titles if title.startswith(f"{runtime}: ")]) == WIDGETS_OF_A_RUNTIME
    shown = [arn for widget in widgets(observed) for arn in widget["properties"].get("alarms", [])]
    assert set(shown) == {f"<{name}.Arn>" for name in observed.resources("AWS::CloudWatch::Alarm")}


def test_the_dashboards_of_one_deployment_in_two_regions_have_two_names(observed: Template) -> None:
    _, dashboard = observed.only("AWS::CloudWatch::Dashboard")
    assert resolved(dashboard["DashboardName"]) == "sdoneks-<AWS::Region>"


def test_the_dashboard_shows_webhooks_uploads_and_what_waiting_clients_take(observed: Template) -> None:
    titles = {widget["properties"].get("title", "") for widget in widgets(observed)}
    assert {"Uploads", "API: asked about tasks", "Functions at once", "Webhooks: dead letters"} <= titles
    shown = {name for _, name in graphed(observed)}
    assert {"ConcurrentExecutions", "UploadsGranted", "ApproximateNumberOfMessagesDelayed"} <= shown
    searched = [
        metric[0]["expression"]
        for widget in widgets(observed)
        for metric in widget["properties"].get("metrics", [])
        if isinstance(metric[0], dict) and "expression" in metric[0]
    ]
    assert any('MetricName="Webhooks"' in each and "{Darkroom,outcome,service}" in each for each in searched)


def test_graphs_name_metrics_of_known_origins(observed: Template) -> None:
    assert {namespace for namespace, _ in graphed(observed)} == {
        "AWS/ApiGateway",
        "AWS/DynamoDB",
        "AWS/Lambda",
        "AWS/SQS",
        "Darkroom",
    }


def test_agents_metrics_have_a_log_group_that_forgets(observed: Template) -> None:
    _, group = observed.only("AWS::Logs::LogGroup")
    assert (group["LogGroupName"], group["RetentionInDays"]) == ("/darkroom/sdoneks/agent-metrics", 30)
    assert resolved(observed.outputs["AgentMetricsLogGroup"]).startswith("<AgentMetrics")


def _outputs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "Fn::GetStackOutput" in value:
            assert value["Fn::GetStackOutput"]["StackName"] == "sdoneksStack"
            yield value["Fn::GetStackOutput"]["OutputName"]
        for item in value.values():
            yield from _outputs(item)
    elif isinstance(value, list):
        for item in value:
            yield from _outputs(item)
