"""What posts webhooks: who feeds it, what it may do, and what it signs with."""

import json
import string
from pathlib import Path
from typing import Any

import pytest

from infra.app import synthesise
from infra.artifacts import Zips
from infra.config import Config
from infra.testing import Template, resolved

QUEUE = "AWS::SQS::Queue"
BUCKET = "AWS::S3::Bucket"
SECRET = "AWS::SecretsManager::Secret"


def arn(template: Template, start: str) -> str:
    return f"<{template.only(QUEUE, starting=f'Webhooks{start}')[0]}.Arn>"


def variables(template: Template) -> dict[str, Any]:
    _, properties = template.only("AWS::Lambda::Function", starting="Webhooks")
    found: dict[str, Any] = resolved(properties["Environment"]["Variables"])
    return found


def granted(template: Template) -> dict[str, set[str]]:
    _, policy = template.only("AWS::IAM::Policy", starting="Webhooks")
    found: dict[str, set[str]] = {}
    for statement in resolved(policy["PolicyDocument"]["Statement"]):
        actions, on = statement["Action"], statement["Resource"]
        for resource in on if isinstance(on, list) else [on]:
            found.setdefault(resource, set()).update(actions if isinstance(actions, list) else [actions])
    return found


@pytest.fixture(scope="module", name="named")
def _named(settings: dict[str, Any], zips: Zips, tmp_path_factory: pytest.TempPathFactory) -> Template:
    webhooks = {"secret": "teams/hooks", "hosts": ["hooks.internal", "10.1.0.0/16"], "retryDelays": [5, 5]}
    config = Config.model_validate({**settings, "webhooks": webhooks})
    outdir: Path = tmp_path_factory.mktemp("named")
    return Template.read(synthesise(config, zips=zips, outdir=outdir), "sdoneksStack")


def test_notifications_with_a_callback_come_from_the_topic_of_the_notifications(template: Template) -> None:
    _, subscription = template.only("AWS::SNS::Subscription", starting="Webhooks")
    found = resolved(subscription)
    assert found["FilterPolicy"] == {"callback": ["true"]}
    assert found["RawMessageDelivery"] is True
    assert found["TopicArn"].startswith("<NotificationsTopic")
    assert found["Endpoint"] == arn(template, "FirstQueue")
    assert found["RedrivePolicy"] == {"deadLetterTargetArn": arn(template, "FirstUndelivered")}


def test_first_tries_and_later_ones_do_not_hold_each_other_up(template: Template) -> None:
    function, properties = template.only("AWS::Lambda::Function", starting="Webhooks")
    mappings = {
        mapping["EventSourceArn"]: mapping
        for mapping in resolved(template.properties("AWS::Lambda::EventSourceMapping")).values()
        if mapping["FunctionName"] == f"<{function}>"
    }
    first, late, retries = (arn(template, name) for name in ("FirstQueue", "FirstUndelivered", "Retries"))
    assert set(mappings) == {first, late, retries}
    assert mappings[retries]["ScalingConfig"] == {"MaximumConcurrency": 5}
    assert "ScalingConfig" not in mappings[first]
    for mapping in mappings.values():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        # Lambda refuses more than ten messages without it.
        assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (50, 1)
    for queue in template.properties(QUEUE).values():
        assert queue["VisibilityTimeout"] == 60 or queue["VisibilityTimeout"] >= 6 * properties["Timeout"]


@pytest.mark.parametrize("name", ["FirstQueue", "Retries"])
def test_what_kills_its_reader_ends_with_the_webhooks_that_nobody_took(template: Template, name: str) -> None:
    _, queue = template.only(QUEUE, starting=f"Webhooks{name}")
    assert resolved(queue["RedrivePolicy"]) == {
        "deadLetterTargetArn": arn(template, "FirstDeadLetters"),
        "maxReceiveCount": 50,
    }


def test_the_function_knows_its_places(template: Template) -> None:
    assert variables(template) == {
        "PAYLOAD_BUCKET": f"<{template.only(BUCKET, starting='Payloads')[0]}>",
        "TASKS_TABLE": f"<{template.only('AWS::DynamoDB::Table')[0]}>",
        "WEBHOOK_RETRY_QUEUE_URL": f"<{template.only(QUEUE, starting='WebhooksRetries')[0]}>",
        "WEBHOOK_DEAD_LETTERS_URL": f"<{template.only(QUEUE, starting='WebhooksFirstDeadLetters')[0]}>",
        "WEBHOOK_SECRET": f"<{template.only(SECRET)[0]}>",
        "WEBHOOK_HOSTS": "[]",
        "WEBHOOK_DELAYS": "[15,60,300,900,3600,10800,21600,43200]",
        "POWERTOOLS_SERVICE_NAME": "notifier",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


def test_the_role_reads_rows_kept_callbacks_and_one_secret_and_sends_to_two_queues(
    template: Template,
) -> None:
    payloads = template.only(BUCKET, starting="Payloads")[0]
    reading = {
        "sqs:ReceiveMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueUrl",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    }
    assert granted(template) == {
        f"<{template.only('AWS::DynamoDB::Table')[0]}.Arn>": {"dynamodb:GetItem"},
        f"<{template.only(SECRET)[0]}>": {"secretsmanager:GetSecretValue"},
        f"<{payloads}.Arn>/tasks/*": {"s3:GetObject"},
        f"<{payloads}.Arn>": {"s3:ListBucket"},
        f"<{template.only('AWS::Logs::LogGroup', starting='Webhooks')[0]}.Arn>": {
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        },
        arn(template, "FirstQueue"): reading,
        arn(template, "FirstUndelivered"): reading,
        arn(template, "Retries"): {*reading, "sqs:SendMessage"},
        arn(template, "FirstDeadLetters"): {"sqs:SendMessage"},
        "*": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
    }


def test_without_a_secret_one_is_made_that_standard_webhooks_takes_as_it_is(template: Template) -> None:
    _, secret = template.only(SECRET)
    assert secret["GenerateSecretString"] == {"ExcludeCharacters": string.punctuation, "PasswordLength": 32}
    assert resolved(template.outputs["WebhookSecret"]) == f"<{template.only(SECRET)[0]}>"


def test_a_secret_of_that_name_takes_its_place(named: Template) -> None:
    assert SECRET not in named.types
    assert variables(named)["WEBHOOK_SECRET"] == named.outputs["WebhookSecret"] == "teams/hooks"
    [on] = [on for on, actions in granted(named).items() if "secretsmanager:GetSecretValue" in actions]
    assert on.endswith(":secret:teams/hooks-??????")


def test_private_receivers_are_let_through(named: Template) -> None:
    assert json.loads(variables(named)["WEBHOOK_HOSTS"]) == ["hooks.internal", "10.1.0.0/16"]


def test_the_gaps_between_tries_are_those_of_the_settings(named: Template) -> None:
    assert json.loads(variables(named)["WEBHOOK_DELAYS"]) == [5, 5]


@pytest.mark.parametrize("delays", [[], [1], [24 * 3600] * 20])
def test_gaps_may_be_none_or_up_to_a_day_each(settings: dict[str, Any], delays: list[int]) -> None:
    config = Config.model_validate({**settings, "webhooks": {"retryDelays": delays}})
    assert config.webhooks.retry_delays == delays


@pytest.mark.parametrize("delays", [[0], [-1], [24 * 3600 + 1], [1.5], ["15"], [True], 15, [15] * 21])
def test_gaps_that_make_no_sense_are_refused_by_their_key(settings: dict[str, Any], delays: object) -> None:
    with pytest.raises(ValueError, match="retryDelays"):
        Config.model_validate({**settings, "webhooks": {"retryDelays": delays}})


@pytest.mark.parametrize("name", ["", "arn:aws:secretsmanager:us-east-1:1:secret:hooks-a1B2c3", "a b", 7])
def test_a_name_that_no_secret_can_have_is_refused(settings: dict[str, Any], name: object) -> None:
    with pytest.raises(ValueError, match="secret"):
        Config.model_validate({**settings, "webhooks": {"secret": name}})
