"""Secrets Manager and SQS, as the function of the webhooks needs them."""

import base64
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from notifier.errors import BadSecretError, UnavailableError
from notifier.webhook_adapters import FAILURE_SECONDS, SECRET_SECONDS, SecretSigners, SqsOutbox

NOW = 1_800_000_000_000
SECRET = "whsec_" + base64.b64encode(b"o" * 24).decode()


class Manager:
    """Secrets Manager: an answer, or an error, and how often it was asked."""

    def __init__(self, answer: str | None) -> None:
        self.answer = answer
        self.asked = 0
        self.under_way = threading.Semaphore(1)
        self.crowded = False

    def get_secret_value(self, **_: Any) -> dict[str, Any]:
        self.asked += 1
        if not self.under_way.acquire(blocking=False):
            self.crowded = True
        else:
            time.sleep(0.05)
            self.under_way.release()
        if self.answer is None:
            raise EndpointConnectionError(endpoint_url="https://secrets")
        return {"SecretString": self.answer}


def signers_of(manager: Manager, clock: list[int]) -> SecretSigners:
    return SecretSigners(manager, "hooks", clock=lambda: clock[0])


def test_of_many_at_once_one_asks_for_the_secret() -> None:
    manager = Manager(SECRET)
    signers = signers_of(manager, [NOW])
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: signers.current(), range(8)))
    assert (manager.asked, manager.crowded, len({id(each) for each in found})) == (1, False, 1)


def test_a_secret_that_was_renewed_is_good_for_as_long_as_the_first() -> None:
    clock, manager = [NOW], Manager(SECRET)
    signers = signers_of(manager, clock)
    for asked in (1, 2, 3):
        signers.current()
        signers.current()
        assert manager.asked == asked
        clock[0] += SECRET_SECONDS * 1000


@pytest.mark.parametrize(("answer", "error"), [(None, UnavailableError), ("nonsense", BadSecretError)])
def test_a_failure_holds_for_a_short_time_so_that_a_batch_does_not_fail_one_by_one(
    answer: str | None, error: type[Exception]
) -> None:
    clock, manager = [NOW], Manager(answer)
    signers = signers_of(manager, clock)
    for _ in range(3):
        with pytest.raises(error):
            signers.current()
    assert manager.asked == 1
    manager.answer = SECRET
    clock[0] += FAILURE_SECONDS * 1000
    assert signers.current() is signers.current()
    assert manager.asked == 2


class Sqs:
    """Keeps what is sent, and answers with what it was given."""

    def __init__(self, answer: dict[str, str] | None = None) -> None:
        self.answer = {"MessageId": "m"} if answer is None else answer
        self.sent: list[dict[str, Any]] = []

    def send_message(self, **message: Any) -> dict[str, str]:
        self.sent.append(message)
        return self.answer


def outbox_of(sqs: Sqs) -> SqsOutbox:
    return SqsOutbox(sqs, retry_queue_url="https://sqs/retry", dead_letters_url="https://sqs/dead")


@pytest.mark.parametrize(
    ("seconds", "delay"),
    [(-5.0, 0), (0.0, 0), (0.001, 1), (15.2, 16), (900.0, 900), (900.5, 900), (43_200.0, 900)],
)
def test_a_delay_is_never_shorter_than_asked_for_but_for_the_longest_of_sqs(
    seconds: float, delay: int
) -> None:
    sqs = Sqs()
    outbox_of(sqs).later("{}", {"try": "2"}, seconds)
    assert [(sent["QueueUrl"], sent["DelaySeconds"]) for sent in sqs.sent] == [("https://sqs/retry", delay)]


def test_attributes_without_a_value_are_left_out_which_sqs_would_refuse() -> None:
    sqs = Sqs()
    outbox_of(sqs).dead("{}", {"reason": "exhausted", "runtime": ""})
    [sent] = sqs.sent
    assert (sent["QueueUrl"], sent["DelaySeconds"]) == ("https://sqs/dead", 0)
    assert sent["MessageAttributes"] == {"reason": {"DataType": "String", "StringValue": "exhausted"}}


def test_an_answer_that_was_cut_off_is_no_sign_that_the_queue_took_it() -> None:
    outbox = outbox_of(Sqs(answer={}))
    with pytest.raises(UnavailableError):
        outbox.later("{}", {}, 1)
    with pytest.raises(UnavailableError):
        outbox.dead("{}", {})
