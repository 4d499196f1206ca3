import zlib
from typing import Any

#: Key of the table (a string).
KEY = "id"
#: The index by runtime and day: partition `<runtime>#<YYYY-MM-DD>` (a string), sorted by time (a number).
INDEX = "by-runtime"
INDEX_PARTITION = "runtime_day"
INDEX_SORT = "created_at"
#: The sparse index of tasks that somebody still has to look at, which is until their end was told: partition
#: `0` to `7` (a string) by a hash of the id, sorted by the time from which to look (a number, ms).
LOOK_INDEX = "by-look"
LOOK_PARTITION = "shard"
LOOK_SORT = "look_at"
#: How many partitions that index has: each takes a thousand writes a second, and some four go to each task.
SHARDS = 8
#: Attribute with the time, in seconds, when DynamoDB drops the row.
TTL_ATTRIBUTE = "expires_on"


def table_definition(name: str) -> dict[str, Any]:
    """Return the arguments of boto3's `create_table` for a tasks table; its TTL is set by another call.

    For tests: the real table is defined by `infra`, with the names that this package exports. The index by
    runtime has all attributes, because lists show tasks whole.
    """
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": KEY, "AttributeType": "S"},
            {"AttributeName": INDEX_PARTITION, "AttributeType": "S"},
            {"AttributeName": INDEX_SORT, "AttributeType": "N"},
            {"AttributeName": LOOK_PARTITION, "AttributeType": "S"},
            {"AttributeName": LOOK_SORT, "AttributeType": "N"},
        ],
        "KeySchema": [{"AttributeName": KEY, "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": INDEX,
                "KeySchema": [
                    {"AttributeName": INDEX_PARTITION, "KeyType": "HASH"},
                    {"AttributeName": INDEX_SORT, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            },
            {
                "IndexName": LOOK_INDEX,
                "KeySchema": [
                    {"AttributeName": LOOK_PARTITION, "KeyType": "HASH"},
                    {"AttributeName": LOOK_SORT, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
        ],
    }


def shard_of(task_id: str) -> str:
    """Return the partition of the index of tasks to look at that a task is in."""
    return str(zlib.crc32(task_id.encode()) % SHARDS)
