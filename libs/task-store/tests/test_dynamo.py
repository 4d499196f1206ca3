"""What only the store in DynamoDB has to cope with."""

from typing import Any

import pytest

from task_schema import Status
from task_store import DynamoTaskStore, NotClaimableError, TableUnavailableError, UnreadableRowError
from task_store.testing import MemoryTaskStore, new_task, outcome

NOW = 1_790_000_000_000


class Terse:
    """A client whose refusals leave out the row, as those of older endpoints do."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        def call(**kwargs: Any) -> Any:
            kwargs.pop("ReturnValuesOnConditionCheckFailure", None)
            return getattr(self._inner, name)(**kwargs)

        return call


class RefusalError(Exception):
    """As botocore's ClientError: it carries the parsed answer."""

    def __init__(self) -> None:
        super().__init__("the conditional request failed")
        self.response = {"Error": {"Code": "ConditionalCheckFailedException"}}


class Restless:
    """A table where no condition holds and whose rows look free whenever they are read."""

    def __init__(self, row: dict[str, Any] | None) -> None:
        self._row = row
        self.writes = 0

    def get_item(self, **_: Any) -> Any:
        return {"Item": self._row} if self._row else {}

    def put_item(self, **_: Any) -> Any:
        self.writes += 1
        raise RefusalError

    update_item = put_item
    query = put_item


class CutOff:
    """A table whose answers end in their heads, which the SDK takes for answers with nothing in them."""

    def __getattr__(self, name: str) -> Any:
        return lambda **_: {}


def test_an_answer_that_was_cut_off_says_nothing() -> None:
    store = DynamoTaskStore(CutOff(), "tasks")
    with pytest.raises(TableUnavailableError, match="Attributes"):
        store.claim("a", "s", token="t", lease_until=NOW, now=NOW)
    with pytest.raises(TableUnavailableError, match="Items"):
        store.list_by_runtime("r", "2026-01-31")


def test_a_table_that_is_not_there_is_unavailable(moto_client: Any) -> None:
    store = DynamoTaskStore(moto_client, "no-such-table")
    with pytest.raises(TableUnavailableError, match="ResourceNotFoundException") as unavailable:
        store.get("a")
    assert unavailable.value.__cause__ is not None
    with pytest.raises(TableUnavailableError):
        store.record(new_task(), now=NOW)


def test_the_store_in_memory_can_be_unavailable_too() -> None:
    store = MemoryTaskStore()
    assert store.available
    store.available = False
    with pytest.raises(TableUnavailableError):
        store.get("a")


def test_a_refusal_without_the_row_is_looked_up(moto_client: Any, moto_table: str) -> None:
    store = DynamoTaskStore(Terse(moto_client), moto_table)
    task = store.record(new_task(), now=NOW)
    task = store.claim(task.id, task.submission, token="other", lease_until=NOW + 1, now=NOW)
    with pytest.raises(NotClaimableError) as refused:
        store.claim(task.id, task.submission, token="mine", lease_until=NOW + 1, now=NOW)
    assert refused.value.task == task
    assert store.record(new_task(), now=NOW) == task


def test_a_task_is_read_as_it_is_now(moto_client: Any, moto_table: str) -> None:
    class Watched:
        def __init__(self) -> None:
            self.consistent: list[bool] = []
            self.put_item, self.update_item, self.query = moto_client.put_item, None, None

        def get_item(self, *, ConsistentRead: bool = False, **kwargs: Any) -> Any:  # noqa: N803 - as boto3
            self.consistent.append(ConsistentRead)
            return moto_client.get_item(**kwargs)

    client: Any = Watched()
    DynamoTaskStore(client, moto_table).get("a")
    assert client.consistent == [True]


def test_an_ended_row_keeps_nothing_of_its_holders(moto_client: Any, moto_table: str) -> None:
    store = DynamoTaskStore(moto_client, moto_table)
    task = store.record(new_task(), now=NOW)
    before = _names(moto_client, moto_table)
    for token in ("one", "two"):
        store.claim(task.id, task.submission, token=token, lease_until=NOW, now=NOW)
        store.give_back(task.id, task.submission, token)
    store.claim(task.id, task.submission, token="three", lease_until=NOW, now=NOW)
    store.commit(task.id, task.submission, "three", outcome(), now=NOW)
    assert _names(moto_client, moto_table) - before == {
        *("started_at", "finished_at", "event_id", "ended_token", "expires_on", "notification", "progress")
    }


def _names(client: Any, table: str) -> set[str]:
    (row,) = client.scan(TableName=table)["Items"]
    return set(row)


def test_a_row_that_keeps_changing_is_given_up_in_the_end(moto_client: Any, moto_table: str) -> None:
    DynamoTaskStore(moto_client, moto_table).record(new_task(), now=NOW)
    row = moto_client.get_item(TableName=moto_table, Key={"id": {"S": "test-t2i"}})["Item"]
    told = row | {"status": {"S": "failed"}, "notified_at": {"N": "1"}}
    gone, free, waiting = Restless(None), Restless(told), Restless(row)
    for restless in (gone, free):
        with pytest.raises(TableUnavailableError, match="keeps changing"):
            DynamoTaskStore(restless, "tasks").record(new_task(), now=NOW)
    with pytest.raises(TableUnavailableError, match="keeps changing"):
        DynamoTaskStore(waiting, "tasks").cancel("test-t2i", outcome=outcome(Status.CANCELLED), now=NOW)
    assert 1 < gone.writes == free.writes == waiting.writes < 100


@pytest.mark.parametrize(
    "damage", [{"status": {"S": "dreaming"}}, {"context": {"S": "{"}}, {"runtime_day": None}]
)
def test_a_row_of_an_unknown_shape_says_so(moto_client: Any, moto_table: str, damage: dict[str, Any]) -> None:
    store = DynamoTaskStore(moto_client, moto_table)
    task = store.record(new_task(), now=NOW)
    row = moto_client.get_item(TableName=moto_table, Key={"id": {"S": task.id}})["Item"]
    damaged = {name: value for name, value in (row | damage).items() if value}
    moto_client.put_item(TableName=moto_table, Item=damaged)
    with pytest.raises(UnreadableRowError, match=task.id):
        store.get(task.id)


def test_what_a_later_release_added_to_a_row_stays(moto_client: Any, moto_table: str) -> None:
    store = DynamoTaskStore(moto_client, moto_table)
    task = store.record(new_task(), now=NOW)
    row = moto_client.get_item(TableName=moto_table, Key={"id": {"S": task.id}})["Item"]
    moto_client.put_item(TableName=moto_table, Item={**row, "more": {"L": []}, "note": {"S": "new"}})
    assert store.get(task.id) == task
    store.claim(task.id, task.submission, token="t", lease_until=NOW, now=NOW)
    row = moto_client.get_item(TableName=moto_table, Key={"id": {"S": task.id}})["Item"]
    assert (row["more"], row["note"]) == ({"L": []}, {"S": "new"})
