"""A MiniStack with queues, a tasks table and a payload bucket as the dispatch stack has them."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from console.context import Context
from console.settings import Sources
from console.submitted import Submitted
from darkroom_client import AsyncDarkroom
from ministack_testing import client, ministack_url
from task_store import DynamoTaskStore, table_definition


@dataclass
class Cloud:
    """What the tests put things into."""

    url: str
    sqs: Any
    s3: Any
    dynamodb: Any

    def queue(self, *, dead_letters: str | None = None) -> str:
        """Make a queue; return its URL."""
        attributes = {}
        if dead_letters is not None:
            told = self.sqs.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["QueueArn"])
            arn = told["Attributes"]["QueueArn"]
            attributes["RedrivePolicy"] = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": 3}}'
        made = self.sqs.create_queue(QueueName=f"q-{uuid.uuid4()}", Attributes=attributes)
        url: str = made["QueueUrl"]
        return url

    def fill(self, queue: str, count: int) -> None:
        """Send messages."""
        for number in range(count):
            self.sqs.send_message(QueueUrl=queue, MessageBody=str(number))

    def context(self, **more: Any) -> Context:
        """Return what parts are given."""
        sources = Sources.model_validate(
            {
                "mode": "local",
                "endpoint": "http://127.0.0.1:9/",
                "api_key": "k",
                "aws": {"region": "us-east-1", "endpoint_url": self.url},
                **more,
            }
        )
        http = httpx.AsyncClient(trust_env=False)
        api = AsyncDarkroom(sources.endpoint, "k", http=http)
        return Context(sources, api, http, Submitted(), lambda: 1_790_000_060.0)


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with ministack_url() as url:
        yield Cloud(url, client("sqs", url), client("s3", url), client("dynamodb", url))


@pytest.fixture
def table(cloud: Cloud) -> DynamoTaskStore:
    name = f"tasks-{uuid.uuid4()}"
    cloud.dynamodb.create_table(**table_definition(name))
    store = DynamoTaskStore(cloud.dynamodb, name)
    store.name = name  # type: ignore[attr-defined] # for the tests' sources
    return store


@pytest.fixture
def bucket(cloud: Cloud) -> str:
    name = f"b-{uuid.uuid4()}"
    cloud.s3.create_bucket(Bucket=name)
    return name
