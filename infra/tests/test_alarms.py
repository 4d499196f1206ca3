"""Alarms: what each watches, what it says, who is told, and what no data means."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.config import MAX_RUNTIMES
from infra.observability.alarms import AlarmBook, Watch
from infra.testing import Template, resolved

ALARM = "AWS::CloudWatch::Alarm"
RUNTIMES = ("sdruntime", "sddynamic", "comfy-runtime")
OF_A_RUNTIME = {"oldest-message", "nobody-works", "gpu-idle", "failures", "breaker-open"}
OF_ALL = {
    "api-faults",
    "api-slow",
    "validator-errors",
    "validator-throttles",
    "unavailable",
    "status-errors",
    "status-throttles",
    "status-unavailable",
    "webhooks-late",
    "webhook-retries-late",
    "webhooks-undelivered",
    "webhook-failures",
    "webhook-dead-letters",
    "dead-letters",
    "unrouted-letters",
    "sweeper-silent",
    "sweep-failures",
}
OF_FUNCTIONS = {
    f"{kind}/notifier-errors" for kind in ("dead", "undelivered", "unrouted", "swept", "webhooks")
}
OF_OPERATIONS = {f"{name}/table-throttles" for name in ("GetItem", "PutItem", "Query", "UpdateItem")}


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    return {each["AlarmName"].partition("/")[2]: each for each in template.properties(ALARM).values()}


def watched(alarm: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the metrics of an alarm by their ids; a plain one has the id `it`."""
    if "Metrics" not in alarm:
        dimensions = alarm.get("Dimensions", [])
        return {"it": {"name": alarm["MetricName"], "stat": alarm.get("Statistic"), **named(dimensions)}}
    return {
        each["Id"]: {
            "name": each["MetricStat"]["Metric"]["MetricName"],
            "stat": each["MetricStat"]["Stat"],
            "period": each["MetricStat"]["Period"],
            **named(each["MetricStat"]["Metric"].get("Dimensions", [])),
        }
        for each in alarm["Metrics"]
        if "MetricStat" in each
    }


def named(dimensions: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["Name"]: resolved(each["Value"]) for each in dimensions}


def expression(alarm: Mapping[str, Any]) -> str:
    [found] = [each["Expression"] for each in alarm["Metrics"] if "Expression" in each]
    return str(found)


def test_each_runtime_and_each_part_of_dispatch_is_watched(observed: Template) -> None:
    of_runtimes = {f"{runtime}/{name}" for runtime in RUNTIMES for name in OF_A_RUNTIME}
    assert set(alarms(observed)) == of_runtimes | OF_ALL | OF_FUNCTIONS | OF_OPERATIONS


def test_every_alarm_says_what_it_means_and_where_the_page_says_what_to_do(observed: Template) -> None:
    for name, alarm in alarms(observed).items():
        anchor = name.rpartition("/")[2]
        told = alarm["AlarmDescription"]
        assert told.endswith(f" See docs/operate/alarms.md#{anchor}")
        assert 60 < len(told) < 1024


def test_no_data_is_no_alarm_but_for_what_comes_by_the_clock(observed: Template) -> None:
    missing = {name: alarm["TreatMissingData"] for name, alarm in alarms(observed).items()}
    assert [name for name, meaning in missing.items() if meaning == "breaching"] == ["sweeper-silent"]
    assert set(missing.values()) == {"notBreaching", "breaching"}


def test_an_expression_uses_each_metric_that_it_names_and_all_have_one_period(observed: Template) -> None:
    for alarm in alarms(observed).values():
        if "Metrics" not in alarm:
            continue
        found = watched(alarm)
        assert set(re.findall(r"[a-z]+", expression(alarm))) == set(found)
        assert len({each["period"] for each in found.values()}) == 1


def test_that_nobody_works_is_seen_without_a_word_from_any_agent(observed: Template) -> None:
    alarm = alarms(observed)["sdruntime/nobody-works"]
    metrics = [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]
    assert {each["Namespace"] for each in metrics} == {"AWS/SQS"}
    assert expression(alarm) == "IF(waiting > 0 AND held < 1, 1, 0)"
    assert watched(alarm)["waiting"]["stat"] == "Minimum"
    assert watched(alarm)["held"]["stat"] == "Maximum"
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (20, 20)


def test_idle_gpus_only_count_while_tasks_wait(observed: Template) -> None:
    alarm = alarms(observed)["sdruntime/gpu-idle"]
    assert expression(alarm) == "IF(waiting > 0, 100 * busy / 30, 100)"
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 50)
    assert watched(alarm)["waiting"]["stat"] == "Minimum"
    assert watched(alarm)["busy"] == {
        "name": "darkroom_gpu_busy_seconds_total",
        "stat": "Average",
        "period": 300,
        "ClusterName": "sdoneksStack",
        "runtime": "sdruntime",
    }


def test_a_request_that_was_wrong_is_no_failure_of_the_service(observed: Template) -> None:
    alarm = alarms(observed)["comfy-runtime/failures"]
    assert watched(alarm)["ours"]["fault"] == "service"
    assert "fault" not in watched(alarm)["ended"]
    assert expression(alarm) == "IF(ended >= 5, 100 * ours / ended, 0)"


@pytest.mark.parametrize(
    ("name", "functions"),
    [
        ("DeadLetters", {"NotifierDead", "NotifierUndelivered"}),
        ("UnroutedLetters", {"NotifierUnrouted"}),
        ("SweepFailures", {"NotifierSweeper"}),
        ("Unavailable", {"Validator"}),
        ("StatusUnavailable", {"Status"}),
        ("WebhookDeadLetters", {"Webhooks"}),
        ("WebhookFailures", {"Webhooks"}),
        ("WebhookTries", {"Webhooks"}),
        ("WebhooksDelivered", {"Webhooks"}),
    ],
)
def test_counts_are_taken_from_this_deployments_own_logs(
    observed: Template, template: Template, name: str, functions: set[str]
) -> None:
    filters = [
        each
        for each in observed.properties("AWS::Logs::MetricFilter").values()
        if each["MetricTransformations"][0]["MetricName"] == name
    ]
    groups = {
        template.outputs[resolved(each["LogGroupName"]).partition(".")[2][:-1]]["Ref"] for each in filters
    }
    assert groups == {template.only("AWS::Logs::LogGroup", starting=start)[0] for start in functions}
    assert {each["MetricTransformations"][0]["MetricNamespace"] for each in filters} == {"Darkroom/sdoneks"}


def test_letters_that_changed_nothing_ring_nothing(observed: Template) -> None:
    patterns = {
        each["MetricTransformations"][0]["MetricName"]: each["FilterPattern"]
        for each in observed.properties("AWS::Logs::MetricFilter").values()
    }
    for reason in ("stale", "told_before", "told_late", "cancelled"):
        assert f'($.reason != "{reason}")' in patterns["DeadLetters"]
    assert "attempts_exhausted" not in patterns["DeadLetters"]


def test_webhooks_that_were_taken_or_will_be_tried_again_are_no_dead_letters(observed: Template) -> None:
    patterns = {
        each["MetricTransformations"][0]["MetricName"]: each["FilterPattern"]
        for each in observed.properties("AWS::Logs::MetricFilter").values()
    }
    for outcome in ("delivered", "gone", "retried"):
        assert f'($.outcome != "{outcome}")' in patterns["WebhookDeadLetters"]
    assert '($.outcome = "delivered")' in patterns["WebhooksDelivered"]
    assert "outcome" not in patterns["WebhookTries"]


def test_that_no_webhook_arrives_is_only_said_while_some_are_tried(observed: Template) -> None:
    alarm = alarms(observed)["webhooks-undelivered"]
    assert expression(alarm) == "IF(tried >= 3 AND delivered < 1, 1, 0)"
    assert {each["name"] for each in watched(alarm).values()} == {"WebhookTries", "WebhooksDelivered"}
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (3, 3)


@pytest.mark.parametrize(
    ("name", "queue", "seconds"),
    [("webhooks-late", "WebhooksFirstQueue", 300), ("webhook-retries-late", "WebhooksRetries", 1800)],
)
def test_webhooks_that_wait_for_longer_than_they_should_are_told(
    observed: Template, template: Template, name: str, queue: str, seconds: int
) -> None:
    alarm = alarms(observed)[name]
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateAgeOfOldestMessage", seconds)
    output = watched(alarm)["it"]["QueueName"].partition(".")[2][:-1]
    assert template.outputs[output]["Fn::GetAtt"][0] == template.only("AWS::SQS::Queue", starting=queue)[0]


def test_without_a_setting_alarms_tell_nobody(observed: Template) -> None:
    assert not [name for name, alarm in alarms(observed).items() if "AlarmActions" in alarm]
    assert "AWS::SNS::Topic" not in observed.types


def test_a_topic_of_the_users_own_is_told_and_left_as_it_is(largest: Template) -> None:
    arn = "arn:aws:sns:us-east-1:123456789012:pager"
    found = [(each["AlarmActions"], each["OKActions"]) for each in largest.properties(ALARM).values()]
    assert found == [([arn], [arn])] * len(found)
    assert {"AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::KMS::Key"}.isdisjoint(largest.types)


def test_an_address_gets_a_topic_that_cloudwatch_can_write_to_and_read_the_key_of(
    changed: dict[str, Template],
) -> None:
    template = changed["observed"]
    topic, properties = template.only("AWS::SNS::Topic")
    key, _ = template.only("AWS::KMS::Key")
    _, subscription = template.only("AWS::SNS::Subscription")
    assert resolved(properties["KmsMasterKeyId"]) == f"<{key}.Arn>"
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.org")
    allowed = {
        action: statement
        for _, statement in template.statements()
        if statement["Effect"] == "Allow"
        and statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert set(allowed) == {"sns:Publish", "kms:Decrypt", "kms:GenerateDataKey*"}
    for statement in allowed.values():
        assert resolved(statement["Condition"]) == {"StringEquals": {"aws:SourceAccount": "<AWS::AccountId>"}}
    assert {tuple(resolved(each["AlarmActions"])) for each in template.properties(ALARM).values()} == {
        (f"<{topic}>",)
    }


def test_the_limits_are_the_settings(changed: dict[str, Template]) -> None:
    found = alarms(changed["observed"])
    assert found["sdruntime/oldest-message"]["Threshold"] == 7 * 60
    assert found["sdruntime/nobody-works"]["EvaluationPeriods"] == 9
    assert found["sdruntime/gpu-idle"]["Threshold"] == 33
    assert found["sdruntime/failures"]["Threshold"] == 4
    assert found["api-slow"]["Threshold"] == 1500


def test_as_many_runtimes_as_a_deployment_may_have_fit_into_the_stack(largest: Template) -> None:
    assert len(largest.properties(ALARM)) == MAX_RUNTIMES * len(OF_A_RUNTIME) + len(
        OF_ALL | OF_FUNCTIONS | OF_OPERATIONS
    )
    assert len(largest.body["Resources"]) < 500
    assert len(str(largest.body)) < 1_000_000


def test_no_name_of_a_runtime_is_taken_for_another_alarm() -> None:
    stack = cdk.Stack(cdk.App(), "S")
    book = AlarmBook(stack, "Alarms", deployment="d", action=None)
    metric = cloudwatch.Metric(namespace="n", metric_name="m")
    watched = partial(Watch, metric=metric, limit=1, means="It is.", first="Look.")
    book.add(watched(anchor="sweep-failures"))
    book.add(watched(anchor="failures"), of="sweep")
    assert len({alarm.node.path for alarm in book.alarms}) == 2
