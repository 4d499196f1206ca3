"""The ports over AWS, with clients that are made without any network."""

from typing import Any

from status.adapters import SqsQueues

NOW = 1_800_000_000_000


class FakeSqs:
    def __init__(self) -> None:
        self.asked = 0
        self.broken = False

    def get_queue_url(self, **_: Any) -> dict[str, str]:
        return {"QueueUrl": "https://queue"}

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        self.asked += 1
        return {} if self.broken else {"Attributes": {"ApproximateNumberOfMessages": "4"}}


def test_a_queue_is_asked_once_however_often_clients_do() -> None:
    sqs, now = FakeSqs(), [NOW]
    queues = SqsQueues(lambda: sqs, {"sdruntime": "queue", "many": None}, lambda: now[0])
    assert {queues.waiting("sdruntime") for _ in range(100)} == {4}
    assert sqs.asked == 1
    now[0] += 5000
    sqs.broken = True
    assert queues.waiting("sdruntime") is None
    assert (queues.waiting("many"), queues.waiting("unknown")) == (None, None)
    assert sqs.asked == 2
