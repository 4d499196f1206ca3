"""What webhooks are signed with, when they are tried again, and how they travel."""

import base64
import json
import time
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Published
from standardwebhooks import WebhookVerificationError

from notifier.errors import BadSecretError, SettingsError, UnavailableError, UnreadableWebhookError
from notifier.letters import Letter
from notifier.webhook_adapters import SECRET_SECONDS, SecretSigners
from notifier.webhook_messages import Webhook, unreadable
from notifier.webhook_schedule import Schedule, retry_after
from notifier.webhook_settings import DELAYS, WebhookSettings
from notifier.webhook_signing import Signer

NOW = 1_800_000_000_000  # Fri, 15 Jan 2027 08:00:00 GMT
OLD = "whsec_" + base64.b64encode(b"o" * 24).decode()
NEW = "whsec_" + base64.b64encode(b"n" * 64).decode()
TOLD = {"id": "t", "submission": "s", "event_id": "e-1", "runtime": "r", "tasktype": "x", "callback": "true"}
ENV = {
    "TASKS_TABLE": "tasks",
    "WEBHOOK_RETRY_QUEUE_URL": "https://sqs/retry",
    "WEBHOOK_DEAD_LETTERS_URL": "https://sqs/dead",
    "WEBHOOK_SECRET": "hooks",
    "PAYLOAD_BUCKET": "payload",
}


@given(st.binary(min_size=24, max_size=64), st.text(max_size=200))
def test_what_is_signed_passes_the_published_library(key: bytes, text: str) -> None:
    secret = base64.b64encode(key).decode()
    body = json.dumps({"told": text}).encode()
    headers = Signer.read(f"whsec_{secret}").headers("e-1", body, seconds=int(time.time()))
    assert Published(secret).verify(body, headers) == {"told": text}
    with pytest.raises(WebhookVerificationError):
        Published(secret).verify(body + b" ", headers)


def test_while_a_secret_is_replaced_receivers_may_know_either() -> None:
    headers = Signer.read(json.dumps([NEW, OLD])).headers("e-1", b"{}", seconds=int(time.time()))
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (OLD, NEW):
        Published(secret).verify(b"{}", headers)
    with pytest.raises(WebhookVerificationError):
        Published("whsec_" + base64.b64encode(b"x" * 24).decode()).verify(b"{}", headers)


def test_a_secret_that_was_generated_needs_no_prefix() -> None:
    generated = "Abcdefgh12345678Abcdefgh12345678"
    headers = Signer.read(generated + "\n").headers("e-1", b"{}", seconds=int(time.time()))
    assert Published(f"whsec_{generated}").verify(b"{}", headers) == {}


def secret_of(size: int) -> str:
    return "whsec_" + base64.b64encode(b"x" * size).decode()


@pytest.mark.parametrize(
    "text",
    [
        secret_of(23),
        secret_of(65),
        secret_of(24)[:-4] + "*" + secret_of(24)[-4:],
        f'["{OLD}", "{secret_of(23)}"]',
    ],
    ids=["too short", "too long", "no base64", "one of two"],
)
def test_a_key_has_24_to_64_bytes_and_nothing_in_between(text: str) -> None:
    with pytest.raises(BadSecretError):
        Signer.read(text)


@pytest.mark.parametrize(
    "text", ["", "[]", "[", "whsec_", "whsec_secret!", "whsec_c2VjcmV0", '["c2VjcmV0", 7]', "[" * 100_000]
)
def test_a_secret_of_no_use_is_told_without_quoting_it(text: str) -> None:
    with pytest.raises(BadSecretError) as caught:
        Signer.read(text)
    assert "c2VjcmV0" not in str(caught.value)
    assert "secret!" not in str(caught.value)


def _sdk_error() -> Exception:
    error: Exception = EndpointConnectionError(endpoint_url="https://secrets")
    return error


class Manager:
    """Secrets Manager: the next answer at each look, the last one for ever."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    def get_secret_value(self, **_: Any) -> dict[str, Any]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {"SecretString": answer}


def test_a_secret_is_asked_for_every_few_minutes_only() -> None:
    clock = [NOW]
    manager = Manager(OLD, NEW)
    signers = SecretSigners(manager, "hooks", clock=lambda: clock[0])
    first = signers.current()
    assert signers.current() is first
    clock[0] += SECRET_SECONDS * 1000
    assert signers.current() is not first
    assert manager.asked == 2


@pytest.mark.parametrize("broken", ["gone", "bad"])
def test_without_a_new_secret_the_old_one_goes_on_signing(broken: str) -> None:
    clock = [NOW]
    answer = "nonsense" if broken == "bad" else _sdk_error()
    signers = SecretSigners(Manager(OLD, answer), "hooks", clock=lambda: clock[0])
    first = signers.current()
    clock[0] += SECRET_SECONDS * 1000
    assert signers.current() is first


@pytest.mark.parametrize("answer", ["nonsense", "", "sdk"])
def test_without_any_secret_nothing_is_signed(answer: str) -> None:
    signers = SecretSigners(Manager(_sdk_error() if answer == "sdk" else answer), "hooks", clock=lambda: NOW)
    with pytest.raises(UnavailableError):
        signers.current()


def test_without_a_setting_there_are_nine_tries_within_a_day() -> None:
    minute, hour = 60, 3600
    assert (15, minute, 5 * minute, 15 * minute, hour, 3 * hour, 6 * hour, 12 * hour) == DELAYS


def test_gaps_grow_and_end() -> None:
    schedule = Schedule(DELAYS, chance=lambda: 0.0)
    assert [schedule.after(number) for number in range(1, 10)] == [*DELAYS, None]


def test_gaps_are_spread_by_up_to_a_tenth() -> None:
    assert Schedule([100], chance=lambda: 1.0).after(1) == pytest.approx(110)


@pytest.mark.parametrize(("asked", "gap"), [(None, 15), (3.0, 15), (40.0, 40), (1e9, 60)])
def test_a_receiver_may_ask_for_a_longer_gap_up_to_the_longest(asked: float | None, gap: float) -> None:
    assert Schedule([15, 60], chance=lambda: 0.0).after(1, asked) == gap
    assert Schedule([15, 60]).after(3, asked) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("9" * 400, 999_999_999),
        ("Fri, 15 Jan 2027 08:01:00 GMT", 60),
        ("Fri, 15 Jan 2027 08:01:00 -0000", 60),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("\u0663", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, now=NOW) == seconds


@given(st.text(max_size=60))
def test_whatever_a_receiver_asks_for_is_no_error(value: str) -> None:
    found = retry_after(value, now=NOW)
    assert found is None or found >= 0


def letter(attributes: dict[str, str], body: str = "{}") -> Letter:
    return Letter.read(
        {
            "messageId": "m",
            "receiptHandle": "h",
            "body": body,
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:webhooks",
            "messageAttributes": {
                name: {"stringValue": value, "dataType": "String"} for name, value in attributes.items()
            },
        }
    )


def test_a_message_of_the_topic_is_a_first_try_whose_receiver_is_in_the_row() -> None:
    webhook = Webhook.of(letter({**TOLD, "traceparent": "00-a-b-01"}, body='{"id":"t"}'))
    assert (webhook.number, webhook.due, webhook.url) == (1, 0, None)
    assert webhook.body == '{"id":"t"}'


def test_a_later_try_knows_its_number_time_and_receiver_and_fits_a_message() -> None:
    first = Webhook.of(letter({**TOLD, "traceparent": "00-a-b-01"})).to("https://x.example/?key=1")
    again = first.again(NOW)
    assert len(again.attributes()) <= 10
    assert Webhook.of(letter(again.attributes())) == again
    assert (again.number, again.due) == (2, NOW)


def test_a_dead_letter_that_is_brought_back_begins_anew_with_the_receiver_that_it_had() -> None:
    dead = Webhook.of(letter(TOLD)).to("https://x.example/").again(NOW).dead("exhausted")
    assert (dead["reason"], dead["tries"]) == ("exhausted", "2")
    back = Webhook.of(letter(dead))
    assert (back.number, back.due, back.url, back.event_id) == (1, 0, "https://x.example/", "e-1")


@pytest.mark.parametrize(
    "changes",
    [{"id": ""}, {"try": "many"}, {"try": "0"}, {"due": ""}, {"event_id": "e\n"}, {"event_id": "é"}],
)
def test_a_message_that_is_no_webhook_is_kept_with_what_came_with_it(changes: dict[str, str]) -> None:
    found = {name: value for name, value in {**TOLD, **changes}.items() if value or name != "id"}
    with pytest.raises(UnreadableWebhookError):
        Webhook.of(letter(found))
    kept = unreadable(letter({**found, **{f"more-{n}": "x" for n in range(10)}}))
    assert kept["reason"] == "unreadable"
    assert kept["submission"] == "s"
    assert len(kept) == 10


def test_the_schedule_and_the_private_receivers_are_settings() -> None:
    plain = WebhookSettings.read(ENV)
    assert (plain.delays, plain.hosts, plain.insecure_callbacks) == (DELAYS, (), False)
    told = {"WEBHOOK_DELAYS": "[1, 2]", "WEBHOOK_HOSTS": '["10.1.0.0/16"]', "INSECURE_CALLBACKS": "true"}
    settings = WebhookSettings.read({**ENV, **told})
    assert (settings.delays, settings.hosts, settings.insecure_callbacks) == ((1, 2), ("10.1.0.0/16",), True)


@pytest.mark.parametrize(
    ("name", "value"),
    [*((name, "") for name in ENV), ("WEBHOOK_DELAYS", "[0]"), ("WEBHOOK_HOSTS", '["10.1.0.0/99"]')],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        WebhookSettings.read({**ENV, name: value})
