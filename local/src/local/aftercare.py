"""What the emulator takes from a template and does not do: applied here, driven by the very template."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.clients import Clients

_TABLES = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
_BUCKET = "AWS::S3::Bucket"
_FUNCTION = "AWS::Lambda::Function"
_USAGE_PLAN = "AWS::ApiGateway::UsagePlan"
_POLLERS = 3  # abandoned long polls per queue: one of the agent, more where agents were killed
_DELETE_BATCH = 1000  # keys; what S3 takes in one call


@dataclass(frozen=True)
class Expiry:
    """Objects of a bucket below a prefix are to be removed after some days."""

    bucket: str
    prefix: str
    days: int


def physical_ids(clients: Clients, stack: str) -> dict[str, str]:
    """Return what the emulator called the resources of a stack, by their names in the template."""
    pages = clients.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource.get("PhysicalResourceId")
    }


def apply_time_to_live(clients: Clients, template: Mapping[str, Any], ids: Mapping[str, str]) -> list[str]:
    """Switch on the time to live of each table that the template gives one; return the tables' names."""
    dynamodb = clients.client("dynamodb")
    tables = []
    for name, resource in template["Resources"].items():
        wanted = resource.get("Properties", {}).get("TimeToLiveSpecification")
        if resource["Type"] not in _TABLES or not wanted or not wanted.get("Enabled"):
            continue
        table = ids[name]
        current = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if current.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted)
        tables.append(table)
    return tables


def apply_method_throttles(clients: Clients, template: Mapping[str, Any], ids: Mapping[str, str]) -> int:
    """Give usage plans the throttles of single methods that the template says; return how many plans.

    The emulator keeps the methods and drops their numbers, both from a template and from an update of a plan;
    only a plan that is created by the API has them. So each such plan is made again, with its keys.
    """
    gateway = clients.client("apigateway")
    made = 0
    for name, resource in template["Resources"].items():
        if resource["Type"] != _USAGE_PLAN:
            continue
        plan = gateway.get_usage_plan(usagePlanId=ids[name])
        wanted = [stage.get("Throttle", {}) for stage in resource["Properties"].get("ApiStages", [])]
        if not any(wanted):
            continue
        stages = [
            {"apiId": stage["apiId"], "stage": stage["stage"], "throttle": _throttles(throttles)}
            for stage, throttles in zip(plan["apiStages"], wanted, strict=True)
        ]
        keys = gateway.get_usage_plan_keys(usagePlanId=plan["id"])["items"]
        new = gateway.create_usage_plan(name=plan["name"], apiStages=stages, throttle=plan["throttle"])
        for key in keys:
            gateway.delete_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"])
            gateway.create_usage_plan_key(usagePlanId=new["id"], keyId=key["id"], keyType="API_KEY")
        made += 1
    return made


def _throttles(methods: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {
        method: {"rateLimit": limits["RateLimit"], "burstLimit": limits["BurstLimit"]}
        for method, limits in methods.items()
    }


def functions(template: Mapping[str, Any], ids: Mapping[str, str]) -> list[str]:
    """Return the names of the template's functions."""
    return [
        ids[name]
        for name, resource in template["Resources"].items()
        if resource["Type"] == _FUNCTION and name in ids
    ]


def expiries(template: Mapping[str, Any], ids: Mapping[str, str]) -> list[Expiry]:
    """Return the enabled expiration rules of the template's buckets."""
    return [
        Expiry(ids[name], rule.get("Prefix") or "", int(rule["ExpirationInDays"]))
        for name, resource in template["Resources"].items()
        if resource["Type"] == _BUCKET
        for rule in resource.get("Properties", {}).get("LifecycleConfiguration", {}).get("Rules", [])
        if rule.get("Status") == "Enabled" and "ExpirationInDays" in rule
    ]


def remove_expired(clients: Clients, rules: list[Expiry], *, now: datetime | None = None) -> int:
    """Delete the objects that the rules say have lived long enough; return how many."""
    s3 = clients.client("s3")
    removed = 0
    for rule in rules:
        oldest = (now or datetime.now(UTC)) - timedelta(days=rule.days)
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=rule.bucket, Prefix=rule.prefix)
        stale = [
            {"Key": entry["Key"]}
            for page in pages
            for entry in page.get("Contents", [])
            if entry["LastModified"] < oldest
        ]
        for start in range(0, len(stale), _DELETE_BATCH):
            batch = stale[start : start + _DELETE_BATCH]
            s3.delete_objects(Bucket=rule.bucket, Delete={"Objects": batch, "Quiet": True})
        removed += len(stale)
    return removed


def wake_pollers(clients: Clients, queue_urls: Iterable[str]) -> None:
    """Send a few messages that mean nothing to queues that nobody reads any more.

    The emulator does not notice that the client of a long poll is gone, and does not end before the poll
    does, up to 20 seconds later. A message ends it. Only for a system that is ending: whoever still reads
    would get them.
    """
    sqs = clients.client("sqs")
    entries = [{"Id": str(number), "MessageBody": "ending"} for number in range(_POLLERS)]
    for url in queue_urls:
        try:
            sqs.send_message_batch(QueueUrl=url, Entries=entries)
        except (ClientError, BotoCoreError):
            return  # it has ended already, or ends slowly: either way there is nothing to do about it


def set_function_environment(clients: Clients, function: str, variables: Mapping[str, str]) -> None:
    """Add variables to a function: settings that the cloud must not have and so are not in the template."""
    if not variables:
        return
    lambda_ = clients.client("lambda")
    current = (
        lambda_.get_function_configuration(FunctionName=function).get("Environment", {}).get("Variables", {})
    )
    lambda_.update_function_configuration(
        FunctionName=function, Environment={"Variables": {**current, **variables}}
    )
