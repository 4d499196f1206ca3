from typing import Any

#: Key of the table (a string).
KEY = "id"
#: The index by runtime and day: partition `<runtime>#<YYYY-MM-DD>` (a string), sorted by time (a number).
INDEX = "by-runtime"
INDEX_PARTITION = "runtime_day"
INDEX_SORT = "created_at"
#: Attribute with the time, in seconds, when DynamoDB drops the row.
TTL_ATTRIBUTE = "expires_on"


def table_definition(name: str) -> dict[str, Any]:
    """Return the arguments of boto3's `create_table` for a tasks table; its TTL is set by another call.

    For tests: the real table is defined by `infra`, with the names that this package exports. The index has
    all attributes, because lists show tasks whole.
    """
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": KEY, "AttributeType": "S"},
            {"AttributeName": INDEX_PARTITION, "AttributeType": "S"},
            {"AttributeName": INDEX_SORT, "AttributeType": "N"},
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
            }
        ],
    }
