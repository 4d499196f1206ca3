from collections.abc import Callable, Mapping
from typing import Any, Protocol

from task_store._conditions import Changes, Condition, Item
from task_store._cursors import Position
from task_store._expressions import Expressions, from_values, to_values
from task_store._machine import Machine, WriteRefusedError
from task_store._table import (
    INDEX,
    INDEX_PARTITION,
    INDEX_SORT,
    KEY,
    LOOK_INDEX,
    LOOK_PARTITION,
    LOOK_SORT,
)
from task_store._task import Due
from task_store.errors import TableUnavailableError

_REFUSED = "ConditionalCheckFailedException"


class DynamoClient(Protocol):
    """The part of boto3's DynamoDB client that is used here."""

    @property
    def get_item(self) -> Callable[..., Any]: ...

    @property
    def put_item(self) -> Callable[..., Any]: ...

    @property
    def update_item(self) -> Callable[..., Any]: ...

    @property
    def query(self) -> Callable[..., Any]: ...


class DynamoTaskStore(Machine):
    """The tasks table in DynamoDB.

    Args:
        client: boto3's DynamoDB client; its retries are safe, because every write knows its own effect.
        table: name of a table as `table_definition` describes it.
    """

    def __init__(self, client: DynamoClient, table: str) -> None:
        super().__init__(_DynamoRows(client, table))


class _DynamoRows:
    def __init__(self, client: DynamoClient, table: str) -> None:
        self._client = client
        self._table = table

    def read(self, task_id: str) -> Item | None:
        answer = self._ask(self._client.get_item, Key=_key(task_id), ConsistentRead=True)
        return from_values(answer["Item"]) if answer.get("Item") else None

    def replace(self, item: Item, condition: Condition) -> None:
        said = Expressions()
        self._write(
            self._client.put_item,
            str(item[KEY]),
            said,
            Item=to_values(item),
            ConditionExpression=said.condition(condition),
        )

    def change(self, task_id: str, condition: Condition, changes: Changes) -> Item:
        said = Expressions()
        answer = self._write(
            self._client.update_item,
            task_id,
            said,
            Key=_key(task_id),
            ConditionExpression=said.condition(condition),
            UpdateExpression=said.update(changes),
            ReturnValues="ALL_NEW",
        )
        return from_values(_said(answer, "Attributes"))

    def page(
        self, partition: str, limit: int, after: Position | None, until: int | None = None
    ) -> tuple[list[Item], Position | None]:
        start = _start(INDEX_PARTITION, partition, INDEX_SORT, after)
        condition = "#partition = :partition"
        names, values = {"#partition": INDEX_PARTITION}, {":partition": {"S": partition}}
        if until is not None:
            condition += " AND #sort <= :until"
            names["#sort"] = INDEX_SORT
            values[":until"] = {"N": str(until)}
        answer = self._ask(
            self._client.query,
            IndexName=INDEX,
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
        return [from_values(found) for found in _said(answer, "Items")], _end(INDEX_SORT, answer)

    def due(
        self, shard: str, before: int, limit: int, after: Position | None
    ) -> tuple[list[Due], Position | None]:
        start = _start(LOOK_PARTITION, shard, LOOK_SORT, after)
        answer = self._ask(
            self._client.query,
            IndexName=LOOK_INDEX,
            KeyConditionExpression="#shard = :shard AND #look <= :before",
            ExpressionAttributeNames={"#shard": LOOK_PARTITION, "#look": LOOK_SORT},
            ExpressionAttributeValues={":shard": {"S": shard}, ":before": {"N": str(before)}},
            Limit=limit,
            **start,
        )
        due = [Due(values[KEY]["S"], int(values[LOOK_SORT]["N"])) for values in _said(answer, "Items")]
        return due, _end(LOOK_SORT, answer)

    def _write(self, method: Callable[..., Any], task_id: str, said: Expressions, **kwargs: Any) -> Any:
        try:
            return self._ask(
                method,
                ExpressionAttributeNames=said.names,
                ExpressionAttributeValues=said.values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **kwargs,
            )
        except _ConditionFailedError as exc:
            # The refusal carries the row, unless there is none or the emulator leaves it out.
            item = from_values(exc.values) if exc.values else self.read(task_id)
            raise WriteRefusedError(item) from exc

    def _ask(self, method: Callable[..., Any], **kwargs: Any) -> Any:
        try:
            return method(TableName=self._table, **kwargs)
        except Exception as exc:
            response = getattr(exc, "response", None) or {}
            if response.get("Error", {}).get("Code") == _REFUSED:
                raise _ConditionFailedError(response.get("Item")) from exc
            # botocore's classes are not known here: whatever the client raises is no answer.
            raise TableUnavailableError(f"table {self._table}: {exc}") from exc


class _ConditionFailedError(Exception):
    def __init__(self, values: dict[str, Any] | None) -> None:
        super().__init__(_REFUSED)
        self.values = values


def _said(answer: Mapping[str, Any], what: str) -> Any:
    """Return what every answer has; without it it was cut off, and nobody knows what happened."""
    if what not in answer:
        raise TableUnavailableError(f"the table's answer has no {what}")
    return answer[what]


def _key(task_id: str) -> dict[str, Any]:
    return {KEY: {"S": task_id}}


def _start(partition: str, name: str, sort: str, after: Position | None) -> dict[str, Any]:
    if after is None:
        return {}
    position = {**_key(after.task_id), partition: {"S": name}, sort: {"N": str(after.time)}}
    return {"ExclusiveStartKey": position}


def _end(sort: str, answer: dict[str, Any]) -> Position | None:
    last = answer.get("LastEvaluatedKey")
    return Position(int(last[sort]["N"]), last[KEY]["S"]) if last else None
