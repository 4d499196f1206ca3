"""How often the queues are asked."""

from typing import Any

from botocore.exceptions import EndpointConnectionError

from status.adapters import FRESH, SqsQueues

NOW = 1_800_000_000_000


class DeafSqs:
    """SQS that gives no answer, and counts who asked."""

    def __init__(self) -> None:
        self.asked = 0

    def get_queue_url(self, **_: Any) -> dict[str, str]:
        self.asked += 1
        raise EndpointConnectionError(endpoint_url="https://sqs")


def test_a_queue_that_gives_no_answer_is_left_alone_for_as_long_as_one_that_does() -> None:
    sqs, now = DeafSqs(), [NOW]
    queues = SqsQueues(lambda: sqs, {"sdruntime": "queue"}, lambda: now[0])
    assert {queues.waiting("sdruntime") for _ in range(100)} == {None}
    assert sqs.asked == 1
    now[0] += FRESH
    assert queues.waiting("sdruntime") is None
    assert sqs.asked == 2
