"""Every kind of store, for tests that hold all of them to the same behaviour."""

import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ministack_testing import client, ministack_url
from task_store import DynamoTaskStore, TaskStore, table_definition
from task_store.testing import MemoryTaskStore


class Stutter:
    """A DynamoDB client whose every write reaches the table twice, as when the first answer was lost."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.get_item = inner.get_item
        self.query = inner.query

    def put_item(self, **kwargs: Any) -> Any:
        return self._twice(self._inner.put_item, kwargs)

    def update_item(self, **kwargs: Any) -> Any:
        return self._twice(self._inner.update_item, kwargs)

    @staticmethod
    def _twice(method: Any, kwargs: dict[str, Any]) -> Any:
        try:
            method(**kwargs)
        except Exception as exc:
            if "ConditionalCheckFailed" not in str(exc):
                raise
        return method(**kwargs)


@pytest.fixture(scope="session")
def moto_client() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client(
            "dynamodb", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )


@pytest.fixture(scope="session")
def ministack_client() -> Iterator[Any]:
    with ministack_url() as url:
        yield client("dynamodb", url)


@pytest.fixture
def moto_table(moto_client: Any) -> str:
    return _table(moto_client)


@pytest.fixture(params=["memory", "moto", "moto, each write sent twice", "ministack"])
def store(request: pytest.FixtureRequest) -> TaskStore:
    if request.param == "memory":
        return MemoryTaskStore()
    if request.param == "ministack":
        ministack = request.getfixturevalue("ministack_client")
        return DynamoTaskStore(ministack, _table(ministack))
    moto = request.getfixturevalue("moto_client")
    return DynamoTaskStore(moto if request.param == "moto" else Stutter(moto), _table(moto))


@pytest.fixture(scope="session")
def moto_stutter(moto_client: Any) -> Any:
    return Stutter(moto_client)


def _table(dynamodb: Any) -> str:
    name = f"tasks-{uuid.uuid4()}"
    dynamodb.create_table(**table_definition(name))
    return name
