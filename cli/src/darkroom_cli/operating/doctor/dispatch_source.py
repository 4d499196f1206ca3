"""What AWS tells of a deployment: functions, queues, subscriptions, dead letters, quotas."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from botocore.exceptions import ClientError

from darkroom_cli.operating.doctor.looking import UnseenError
from darkroom_cli.operating.doctor.scene import ApiAnswer, Function, Letters, Queue, Quota, Subscription
from darkroom_cli.operating.system import System

FUNCTIONS = ("ValidatorFunctionName", "SweeperFunctionName", "WebhooksFunctionName")
QUOTAS = (("Running On-Demand G and VT instances", "L-DB2E81BA", False),
          ("All G and VT Spot Instance Requests", "L-3819A6DF", True))  # fmt: skip
SPOT_ROLE = "AWSServiceRoleForEC2Spot"
_NUMBERS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
_TIMEOUT = 15.0  # seconds
_AGE_WINDOW = timedelta(minutes=10)


class DispatchSource:
    """Asks AWS, or the emulator, about one deployment; only reads."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._subscribed: dict[str, dict[str, str]] | None = None

    def api(self) -> ApiAnswer:
        """Ask the API for nothing in particular."""
        connection = self._system.connection
        try:
            answer = httpx.get(
                connection.url("v1alpha2/tasks"),
                params={"limit": "1"},
                headers=connection.headers({}),
                timeout=_TIMEOUT,
                trust_env=connection.proxies,
            )
        except httpx.RequestError as exc:
            return ApiAnswer(None, f"{type(exc).__name__}: {exc}")
        return ApiAnswer(answer.status_code, answer.text[:200])

    def functions(self) -> tuple[Function, ...]:
        """Return the functions that the stack names."""
        client = self._system.aws("lambda")
        names = [self._system.outputs[output] for output in FUNCTIONS if output in self._system.outputs]
        found = []
        for name in names:
            told = client.get_function(FunctionName=name)
            settings = told["Configuration"]
            reserved = told.get("Concurrency", {}).get("ReservedConcurrentExecutions")
            found.append(
                Function(
                    name,
                    settings.get("State", "Active"),
                    settings.get("LastUpdateStatus", "Successful"),
                    reserved,
                )
            )
        return tuple(found)

    def queue(self, runtime: str) -> Queue:
        """Return the numbers of a runtime's queue."""
        url = self._url(runtime)
        numbers = self._attributes(url, _NUMBERS)
        visible, in_flight = (int(numbers.get(name, 0)) for name in _NUMBERS)
        return Queue(visible, in_flight, self._age(url.rpartition("/")[2]) if visible else None)

    def subscription(self, runtime: str) -> Subscription | None:
        """Return how a runtime's queue hangs on the requests topic."""
        arn = self._attributes(self._url(runtime), ("QueueArn",))["QueueArn"]
        attributes = self._subscriptions().get(arn)
        if attributes is None:
            return None
        policy = json.loads(attributes.get("FilterPolicy") or "{}")
        names = tuple(value for value in policy.get("runtime", ()) if isinstance(value, str))
        return Subscription(names, attributes.get("PendingConfirmation", "false") == "false")

    def letters(self, runtimes: Iterable[str]) -> Iterator[Letters]:
        """Yield the queues of what could not be delivered or dealt with, with their numbers.

        Those of these runtimes, and those that belong to none.
        """
        for runtime in runtimes:
            url = self._system.queues.get(runtime)
            if url is None:
                continue  # told where its queue is looked at
            redrive = self._attributes(url, ("RedrivePolicy", "QueueArn"))
            dead = json.loads(redrive.get("RedrivePolicy") or "{}").get("deadLetterTargetArn")
            if dead:
                yield Letters("dead-letters", runtime, self._count(dead))
            subscribed = self._subscriptions().get(redrive.get("QueueArn", ""), {})
            undelivered = json.loads(subscribed.get("RedrivePolicy") or "{}").get("deadLetterTargetArn")
            if undelivered:
                yield Letters("undelivered", runtime, self._count(undelivered))
        for kind, output in (
            ("unrouted", "UnroutedQueueUrl"),
            ("webhook-dead-letters", "WebhookDeadLettersUrl"),
        ):
            url = self._system.outputs.get(output, "")
            if url:
                numbers = self._attributes(url, _NUMBERS[:1])
                yield Letters(kind, url.rpartition("/")[2], int(numbers[_NUMBERS[0]]))

    def quotas(self) -> tuple[Quota, ...]:
        """Return the quotas of instances with GPUs."""
        client = self._system.aws("service-quotas")
        found = []
        for name, code, spot in QUOTAS:
            told = client.get_service_quota(ServiceCode="ec2", QuotaCode=code)["Quota"]
            found.append(Quota(name, code, float(told["Value"]), spot))
        return tuple(found)

    def spot_role(self) -> bool:
        """Whether the account has the role that spot instances need once."""
        try:
            self._system.aws("iam").get_role(RoleName=SPOT_ROLE)
        except ClientError as exc:
            if exc.response["Error"]["Code"] == "NoSuchEntity":
                return False
            raise
        return True

    def _url(self, runtime: str) -> str:
        """Return the URL of a runtime's queue.

        Raises:
            UnseenError: the outputs name none: while a deployment is under way, functions know a new runtime
                before they do.
        """
        url = self._system.queues.get(runtime)
        if url is None:
            raise UnseenError(f"the outputs of {self._system.stack} name no queue of {runtime}")
        return url

    def _attributes(self, url: str, names: tuple[str, ...]) -> Mapping[str, str]:
        client = self._system.aws("sqs")
        told: Mapping[str, str] = client.get_queue_attributes(QueueUrl=url, AttributeNames=list(names)).get(
            "Attributes", {}
        )
        return told

    def _count(self, arn: str) -> int:
        url = self._system.aws("sqs").get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        return int(self._attributes(url, _NUMBERS[:1])[_NUMBERS[0]])

    def _age(self, name: str) -> float | None:
        """Return the age of a queue's oldest message in seconds, where CloudWatch measures it."""
        if self._system.state is not None:
            return None
        now = datetime.now(UTC)
        told = self._system.aws("cloudwatch").get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": name}],
            StartTime=now - _AGE_WINDOW,
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )
        points = sorted(told.get("Datapoints", ()), key=lambda point: point["Timestamp"])
        return float(points[-1]["Maximum"]) if points else None

    def _subscriptions(self) -> dict[str, dict[str, str]]:
        """Return the attributes of the topic's subscriptions, by what they lead to."""
        if self._subscribed is None:
            client = self._system.aws("sns")
            pages = client.get_paginator("list_subscriptions_by_topic").paginate(
                TopicArn=self._system.outputs["sdNotificationLambdaARN"]
            )
            self._subscribed = {
                one["Endpoint"]: _of(client, one["SubscriptionArn"])
                for page in pages
                for one in page["Subscriptions"]
            }
        return self._subscribed


def _of(client: Any, arn: str) -> dict[str, str]:
    if not arn.startswith("arn:"):
        return {"PendingConfirmation": "true"}
    told: dict[str, str] = client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    return told
