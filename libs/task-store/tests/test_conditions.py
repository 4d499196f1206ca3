"""Conditions and changes mean the same in memory and in DynamoDB."""

import uuid
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from task_store._conditions import (
    Absent,
    AllOf,
    AtLeast,
    AtMost,
    Changes,
    Condition,
    In,
    Is,
    IsNot,
    Item,
    OneOf,
    Present,
    Scalar,
    changed,
    holds,
)
from task_store._expressions import Expressions, from_values, to_values

# An attribute has one kind of value in all rows; moto does not compare values of different kinds as AWS does.
TEXT_NAMES = st.sampled_from(["status", "token"])  # words that DynamoDB keeps for itself
TEXTS = st.sampled_from(["", "a", "b"])
NUMBERS = st.integers(-2, 2)
SCALARS: st.SearchStrategy[Scalar] = st.one_of(NUMBERS, TEXTS, st.booleans())
ITEMS: st.SearchStrategy[Item] = st.fixed_dictionaries(
    {}, optional={"status": TEXTS, "token": TEXTS, "size": NUMBERS, "flag": st.booleans()}
)
NAMES = st.sampled_from(["status", "token", "size", "flag"])
LEAVES: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Is, TEXT_NAMES, TEXTS),
    st.builds(Is, st.just("size"), NUMBERS),
    st.builds(Is, st.just("flag"), st.booleans()),
    st.builds(IsNot, TEXT_NAMES, TEXTS),
    st.builds(In, TEXT_NAMES, st.lists(TEXTS, min_size=1, max_size=2).map(tuple)),
    st.builds(AtMost, st.just("size"), NUMBERS),
    st.builds(AtLeast, st.just("size"), NUMBERS),
    st.builds(Present, NAMES),
    st.builds(Absent, NAMES),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(AllOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(OneOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)
BOUNDED = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@BOUNDED
@given(item=st.none() | ITEMS, condition=CONDITIONS)
def test_a_condition_holds_in_dynamodb_when_it_holds_in_memory(
    moto_client: Any, moto_table: str, item: Item | None, condition: Condition
) -> None:
    key = _stored(moto_client, moto_table, item)
    said = Expressions()
    arguments: dict[str, Any] = {"ConditionExpression": said.condition(condition)}
    if said.values:
        arguments["ExpressionAttributeValues"] = said.values
    try:
        moto_client.put_item(TableName=moto_table, Item=key, ExpressionAttributeNames=said.names, **arguments)
        held = True
    except moto_client.exceptions.ConditionalCheckFailedException:
        held = False
    assert holds(condition, item) is held


@BOUNDED
@given(
    item=ITEMS,
    changes=st.builds(
        Changes,
        put=st.dictionaries(st.sampled_from(["new", "status"]), SCALARS, min_size=1),
        copy=st.just({"before": "count"}),
        add=st.builds(lambda number: {"count": number}, NUMBERS),
        remove=st.lists(st.sampled_from(["token", "size", "nothing"]), unique=True).map(tuple),
    ),
)
def test_changes_leave_the_same_row_in_dynamodb_as_in_memory(
    moto_client: Any, moto_table: str, item: Item, changes: Changes
) -> None:
    item = {**item, "count": 5}
    key = _stored(moto_client, moto_table, item)
    said = Expressions()
    answer = moto_client.update_item(
        TableName=moto_table,
        Key=key,
        UpdateExpression=said.update(changes),
        ExpressionAttributeNames=said.names,
        ExpressionAttributeValues=said.values,
        ReturnValues="ALL_NEW",
    )
    after = from_values(answer["Attributes"])
    del after["id"]
    assert after == changed(item, changes)


def _stored(client: Any, table: str, item: Item | None) -> dict[str, Any]:
    key = to_values({"id": str(uuid.uuid4())})
    if item is not None:
        client.put_item(TableName=table, Item=key | to_values(item))
    return key
