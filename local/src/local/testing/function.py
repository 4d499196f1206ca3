"""Stands in for the validator: refuses an empty body, publishes any other."""

import json
import os
import uuid
from typing import Any

import boto3

FAULT = {"code": "missing_field", "message": "task is required", "field": "task"}


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Answer a request of the API."""
    print("a line, else the emulator waits for one")  # noqa: T201 - a function's log
    body = json.loads(event["body"] or "null")
    if not isinstance(body, dict) or not body:
        return {"statusCode": 400, "body": json.dumps({"error": FAULT, "errors": [FAULT]})}
    metadata, content = task(body)
    boto3.client("sns").publish(
        TopicArn=os.environ["TOPIC"],
        Message=json.dumps({"submission": str(uuid.uuid4()), "metadata": metadata, "content": content}),
        MessageAttributes={"runtime": {"DataType": "String", "StringValue": metadata["runtime"]}},
    )
    answer = {
        "id": metadata["id"],
        "settings": os.environ.get("INSECURE_CALLBACKS"),
        "trace_daemon": os.environ.get("AWS_XRAY_DAEMON_ADDRESS"),
    }
    return {"statusCode": 200, "body": json.dumps(answer)}


def task(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return metadata and content of a request in either version."""
    if "task" in body:
        return body["task"]["metadata"], body["task"]["content"]
    scripts = body["alwayson_scripts"]
    metadata = {"id": scripts["id_task"], "runtime": "sdruntime", "prefix": "output"}
    content = {**body, "init_images": [scripts["image_link"]]} if "image_link" in scripts else body
    return metadata, content
