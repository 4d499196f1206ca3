"""Stands in for a queue agent: takes a task, stores a small picture, tells the topic."""

import base64
import io
import json
import os
from typing import Any

import boto3
from PIL import Image


def picture(content: dict[str, Any]) -> bytes:
    """Paint a square of the size that was asked for."""
    packed = io.BytesIO()
    size = (int(content.get("width", 64)), int(content.get("height", 64)))
    Image.new("RGB", size, "teal").save(packed, "PNG")
    return packed.getvalue()


def handle(message: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Do a task; return its notification, and the values of the attributes of that."""
    metadata, content = message["metadata"], message["content"]
    task, prefix = metadata["id"], metadata["prefix"]
    notification: dict[str, Any] = {
        "id": task,
        "context": {},
        "runtime": metadata["runtime"],
        "submission": message["submission"],
        "output_url": None,
    }
    if content.get("prompt") == "fail":
        error = {"code": "out_of_memory", "message": "too big", "retryable": True}
        notification |= {"result": False, "image_url": [], "status": "failed", "error": error}
    else:
        key = f"{prefix}/{task}/{task}-abcd-1.png"
        body = picture(content)
        for given in content.get("init_images", []):
            body = body if "://" in given else base64.b64decode(given)
        bucket = os.environ["OUTPUT_BUCKET"]
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType="image/png")
        urls = [f"s3://{bucket}/{key}"] * int(content.get("batch_size", 1))
        notification |= {"result": True, "image_url": urls, "status": "succeeded"}
    return notification, {"id": task, "event_id": message["submission"]}


def main() -> None:
    """Take tasks until ended."""
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    queue = os.environ["QUEUE_URL"]
    while True:
        for received in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages", []):
            notification, attributes = handle(json.loads(received["Body"]))
            sns.publish(
                TopicArn=os.environ["NOTIFICATIONS_TOPIC_ARN"],
                Message=json.dumps(notification),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
            )
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=received["ReceiptHandle"])


if __name__ == "__main__":
    main()
