import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from darkroom_client import BadArgumentError, Status, WebhookVerificationError, verify_webhook

NOW = 1_800_000_000
SECRET = "whsec_" + base64.b64encode(b"a secret of 24 bytes ...").decode()
OTHER = "whsec_" + base64.b64encode(b"another one, as long ...").decode()
BODY = json.dumps(
    {
        "id": "a",
        "result": True,
        "image_url": ["s3://out/output/a/a-1.png"],
        "output_url": "s3://out/output/a/a.out",
        "context": {"x": "ü"},
        "runtime": "sdruntime",
        "status": "succeeded",
        "submission": "8a4c2b0e-0000-4000-8000-000000000001",
        "of_a_newer_version": 1,
    }
).encode()
KEYS = st.binary(min_size=1, max_size=64)


def secret_of(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


def sign(secret: str, *, body: bytes = BODY, event_id: str = "e1", at: int = NOW) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, b".".join([event_id.encode(), str(at).encode(), body]), hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def headers(signature: str, *, event_id: str = "e1", at: int | str = NOW) -> dict[str, str]:
    return {"Webhook-Id": event_id, "Webhook-Timestamp": str(at), "webhook-signature": signature}


def clock() -> float:
    return float(NOW)


def test_a_webhook_of_darkroom_is_read() -> None:
    event = verify_webhook(BODY, headers(sign(SECRET)), SECRET, clock=clock)
    assert (event.id, event.sent_at) == ("e1", datetime.fromtimestamp(NOW, UTC))
    assert (event.notification.status, event.notification.context) == (Status.SUCCEEDED, {"x": "ü"})


def test_while_a_secret_is_replaced_any_pair_will_do() -> None:
    both = f"v1a,ignored {sign(OTHER)} {sign(SECRET)} nonsense"
    for secrets in (SECRET, [SECRET], [OTHER], ["whsec_" + base64.b64encode(b"new").decode(), OTHER]):
        assert verify_webhook(BODY, headers(both), secrets, clock=clock).id == "e1"


@pytest.mark.parametrize("off", [-300, 0, 300])
def test_clocks_may_differ_a_little(off: int) -> None:
    sent = headers(sign(SECRET, at=NOW + off), at=NOW + off)
    assert verify_webhook(BODY, sent, SECRET, clock=clock).id == "e1"


@pytest.mark.parametrize("off", [-301, 301, -NOW])
def test_an_old_webhook_is_refused_though_its_signature_is_right(off: int) -> None:
    sent = headers(sign(SECRET, at=NOW + off), at=NOW + off)
    with pytest.raises(WebhookVerificationError, match="old"):
        verify_webhook(BODY, sent, SECRET, clock=clock)


@pytest.mark.parametrize(
    "sent",
    [
        {},
        headers(""),
        headers(sign(OTHER)),
        headers(sign(SECRET), event_id="e2"),
        headers(sign(SECRET), at=NOW + 1),
        headers(sign(SECRET), at="soon"),
        headers(sign(SECRET), at=f"{NOW}.5"),
        headers(sign(SECRET), at="٣٣٣"),
        headers(sign(SECRET).replace("v1,", "v2,")),
        headers("v1,"),
        headers("v1,ü"),
        headers(sign(SECRET), event_id="\ud800"),
    ],
)
def test_what_is_not_signed_as_it_is_is_refused(sent: dict[str, str]) -> None:
    with pytest.raises(WebhookVerificationError):
        verify_webhook(BODY, sent, SECRET, clock=clock)


def test_a_signed_body_that_is_no_notification_is_refused() -> None:
    with pytest.raises(WebhookVerificationError, match="not a notification"):
        verify_webhook(b"{}", headers(sign(SECRET, body=b"{}")), SECRET, clock=clock)


@pytest.mark.parametrize("secrets", [[], "", "whsec_", "whsec_?", "whsec_ü", [SECRET, "whsec_"]])
def test_what_is_no_secret_is_refused_and_not_shown(secrets: str | list[str]) -> None:
    with pytest.raises(BadArgumentError) as caught:
        verify_webhook(BODY, headers(sign(SECRET)), secrets, clock=clock)
    assert SECRET not in str(caught.value)


@given(key=KEYS, change=st.integers(0, len(BODY) * 8 - 1))
def test_no_bit_of_a_body_can_be_changed(key: bytes, change: int) -> None:
    secret = secret_of(key)
    changed = bytearray(BODY)
    changed[change // 8] ^= 1 << change % 8
    with pytest.raises(WebhookVerificationError):
        verify_webhook(bytes(changed), headers(sign(secret)), secret, clock=clock)


@given(mine=KEYS, theirs=KEYS)
@example(mine=b"a", theirs=b"b")
def test_only_who_has_the_secret_can_sign(mine: bytes, theirs: bytes) -> None:
    sent = headers(sign(secret_of(theirs)))
    # HMAC fills a key up with zero bytes: keys that differ in these alone are one.
    if mine.rstrip(b"\0") == theirs.rstrip(b"\0"):
        assert verify_webhook(BODY, sent, secret_of(mine), clock=clock).id == "e1"
    else:
        with pytest.raises(WebhookVerificationError):
            verify_webhook(BODY, sent, secret_of(mine), clock=clock)


@given(
    body=st.binary() | st.text(),
    sent=st.dictionaries(
        st.sampled_from(["webhook-id", "WEBHOOK-TIMESTAMP", "webhook-signature"]),
        st.text() | st.just(str(NOW)) | st.just(sign(SECRET)),
    ),
)
def test_whatever_a_stranger_sends_is_refused_in_the_same_way(
    body: bytes | str, sent: dict[str, str]
) -> None:
    with pytest.raises(WebhookVerificationError):
        verify_webhook(body, sent, SECRET, clock=clock)


@given(key=KEYS, event_id=st.uuids())
def test_the_published_library_signs_what_this_one_takes(key: bytes, event_id: object) -> None:
    now = int(time.time())
    signature = Webhook(key).sign(str(event_id), datetime.fromtimestamp(now, UTC), BODY.decode())
    sent = headers(signature, event_id=str(event_id), at=now)
    assert verify_webhook(BODY, sent, secret_of(key)).id == str(event_id)
    assert Webhook(key).verify(BODY, sent)["id"] == "a"
