"""The tasks table: its state machine as data, its conditional writes, its errors (DESIGN 4.2)."""

from task_store._dynamo import DynamoClient, DynamoTaskStore
from task_store._items import MAX_ERROR_MESSAGE, MAX_ROW, day_of, fits
from task_store._store import TaskStore
from task_store._table import INDEX, INDEX_PARTITION, INDEX_SORT, KEY, TTL_ATTRIBUTE, table_definition
from task_store._task import (
    MAX_INLINE_CONTEXT,
    MAX_INLINE_NOTIFICATION,
    MAX_TOKEN,
    NewTask,
    Outcome,
    Page,
    Task,
    context_fits,
)
from task_store.errors import (
    AlreadyEndedError,
    BadCursorError,
    ConflictError,
    LostError,
    NotClaimableError,
    NotEndedError,
    RowTooLargeError,
    StaleError,
    TableUnavailableError,
    TaskNotFoundError,
    TaskStoreError,
    UnreadableRowError,
)

__all__ = [
    "INDEX",
    "INDEX_PARTITION",
    "INDEX_SORT",
    "KEY",
    "MAX_ERROR_MESSAGE",
    "MAX_INLINE_CONTEXT",
    "MAX_INLINE_NOTIFICATION",
    "MAX_ROW",
    "MAX_TOKEN",
    "TTL_ATTRIBUTE",
    "AlreadyEndedError",
    "BadCursorError",
    "ConflictError",
    "DynamoClient",
    "DynamoTaskStore",
    "LostError",
    "NewTask",
    "NotClaimableError",
    "NotEndedError",
    "Outcome",
    "Page",
    "RowTooLargeError",
    "StaleError",
    "TableUnavailableError",
    "Task",
    "TaskNotFoundError",
    "TaskStore",
    "TaskStoreError",
    "UnreadableRowError",
    "context_fits",
    "day_of",
    "fits",
    "table_definition",
]
