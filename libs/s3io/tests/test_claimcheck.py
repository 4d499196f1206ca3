import subprocess
import sys
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3io.claimcheck import ClaimCheck
from s3io.errors import (
    ClaimCheckError,
    ClaimMissingError,
    ClaimRefusedError,
    ClaimTooLargeError,
    ClaimUnreadableError,
)

SUBMISSION = "6e1b7f0e-9d9f-4d0e-8a3e-0f2f5a4c1b2d"
OTHER = "00000000-0000-4000-8000-000000000000"
BIG = 1 << 20


@pytest.fixture
def claims(s3: Any) -> ClaimCheck:
    return ClaimCheck(s3, "bucket")


def test_a_value_comes_back_from_where_the_reference_says(claims: ClaimCheck, s3: Any) -> None:
    value = {"prompt": "a \u732b", "init_images": ["a" * 1000], "n": [1, 2.5, None, True]}
    ref = claims.put(SUBMISSION, "content", value)
    assert ref == f"s3://bucket/tasks/{SUBMISSION}/content.json"
    assert claims.get(ref, submission=SUBMISSION, limit=BIG) == value
    head = s3.head_object(Bucket="bucket", Key=f"tasks/{SUBMISSION}/content.json")
    assert head["ContentType"] == "application/json"


def test_the_reference_of_a_value_is_known_before_the_value_is_there(claims: ClaimCheck) -> None:
    ref = claims.ref(SUBMISSION, "fate")
    with pytest.raises(ClaimMissingError):
        claims.get(ref, submission=SUBMISSION, limit=BIG)
    assert claims.put(SUBMISSION, "fate", 1) == ref


_TEXT = st.text(st.characters(codec=None))  # lone surrogates, too
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=_JSON)
def test_every_json_value_survives_lone_surrogates_included(claims: ClaimCheck, value: Any) -> None:
    ref = claims.put(SUBMISSION, "context", value)
    assert claims.get(ref, submission=SUBMISSION, limit=BIG) == value


def test_a_value_takes_no_more_room_than_the_request_that_it_came_in(claims: ClaimCheck) -> None:
    value = {"prompt": "\u732b" * 1000}
    ref = claims.put(SUBMISSION, "content", value)
    limit = len('{"prompt":""}') + 3 * 1000
    assert claims.get(ref, submission=SUBMISSION, limit=limit) == value


def test_a_lone_surrogate_survives(claims: ClaimCheck) -> None:
    ref = claims.put(SUBMISSION, "context", "\ud800")
    assert claims.get(ref, submission=SUBMISSION, limit=BIG) == "\ud800"


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "content",
        f"s3://other-bucket/tasks/{SUBMISSION}/content.json",
        f"s3://bucket/tasks/{OTHER}/content.json",
        f"s3://bucket/tasks/{SUBMISSION}/../{OTHER}/content.json",
        f"s3://bucket/tasks/{SUBMISSION}/sub/content.json",
        f"s3://bucket/tasks/{SUBMISSION}x/content.json",
        f"s3://bucket/tasks/{SUBMISSION}/content.png",
        f"s3://bucket/tasks/{SUBMISSION}/.json",
        f"s3://bucket/tasks/{SUBMISSION}/content.json/",
        f"s3://bucket/x/tasks/{SUBMISSION}/content.json",
        f"s3://bucket/TASKS/{SUBMISSION}/content.json",
        f"https://bucket/tasks/{SUBMISSION}/content.json",
        "s3://bucket/output/secret.json",
    ],
)
def test_a_reference_to_another_folder_is_refused(claims: ClaimCheck, s3: Any, ref: str) -> None:
    for key in (f"tasks/{OTHER}/content.json", "output/secret.json"):
        s3.put_object(Bucket="bucket", Key=key, Body=b"{}")
    with pytest.raises(ClaimRefusedError):
        claims.get(ref, submission=SUBMISSION, limit=BIG)


@pytest.mark.parametrize("submission", ["", "..", ".", "a/b", "a.b", "*"])
def test_a_submission_that_could_be_another_folder_is_refused(claims: ClaimCheck, submission: str) -> None:
    with pytest.raises(ClaimRefusedError):
        claims.get(f"s3://bucket/tasks/{submission}/content.json", submission=submission, limit=BIG)
    with pytest.raises(ValueError, match="no part of a key"):
        claims.put(submission, "content", {})


@pytest.mark.parametrize("name", ["", "a/b", "..", "Content", "content.json"])
def test_a_name_that_could_not_be_read_back_is_an_error(claims: ClaimCheck, name: str) -> None:
    with pytest.raises(ValueError, match="no part of a key"):
        claims.put(SUBMISSION, name, {})
    with pytest.raises(ValueError, match="no part of a key"):
        claims.ref(SUBMISSION, name)


def test_what_is_gone_is_missing(claims: ClaimCheck) -> None:
    with pytest.raises(ClaimMissingError):
        claims.get(f"s3://bucket/tasks/{SUBMISSION}/content.json", submission=SUBMISSION, limit=BIG)


def test_the_limit_counts_bytes_and_holds_exactly(claims: ClaimCheck) -> None:
    ref = claims.put(SUBMISSION, "content", "a" * 98)  # two quotes
    assert claims.get(ref, submission=SUBMISSION, limit=100) == "a" * 98
    with pytest.raises(ClaimTooLargeError):
        claims.get(ref, submission=SUBMISSION, limit=99)


class Endless:
    """A body that never ends, whatever length was announced."""

    def __init__(self) -> None:
        self.read_bytes = 0
        self.closed = False

    def read(self, amount: int) -> bytes:
        self.read_bytes += amount
        return b" " * amount

    def close(self) -> None:
        self.closed = True


class EndlessS3:
    def __init__(self, announced: int) -> None:
        self.announced = announced
        self.body = Endless()

    def get_object(self, **_: str) -> dict[str, Any]:
        return {"ContentLength": self.announced, "Body": self.body}


@pytest.mark.parametrize(("announced", "read"), [(10, 1001), (10**12, 0)])
def test_reading_stops_at_the_limit_whatever_length_is_announced(announced: int, read: int) -> None:
    s3 = EndlessS3(announced)
    ref = f"s3://bucket/tasks/{SUBMISSION}/content.json"
    with pytest.raises(ClaimTooLargeError):
        ClaimCheck(s3, "bucket").get(ref, submission=SUBMISSION, limit=1000)
    assert s3.body.read_bytes == read
    assert s3.body.closed


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\x00", b"[" * 200_000])
def test_what_is_not_json_is_unreadable(claims: ClaimCheck, s3: Any, body: bytes) -> None:
    s3.put_object(Bucket="bucket", Key=f"tasks/{SUBMISSION}/content.json", Body=body)
    with pytest.raises(ClaimUnreadableError):
        claims.get(f"s3://bucket/tasks/{SUBMISSION}/content.json", submission=SUBMISSION, limit=BIG)


def test_trouble_of_the_service_is_not_taken_for_trouble_with_the_value() -> None:
    class Down:
        def get_object(self, **_: str) -> None:
            error = {"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": 503}}
            raise ClientError(error, "GetObject")

    ref = f"s3://bucket/tasks/{SUBMISSION}/content.json"
    with pytest.raises(ClientError) as caught:
        ClaimCheck(Down(), "bucket").get(ref, submission=SUBMISSION, limit=BIG)
    assert not isinstance(caught.value, ClaimCheckError)


def test_the_claim_check_loads_neither_httpx_nor_pillow() -> None:
    check = "import sys, s3io.claimcheck\nprint({'httpx', 'PIL', 'netguard', 'pydantic'} & set(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", f"sys_path = {sys.path!r}; import sys; sys.path[:] = sys_path\n{check}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stdout, run.stderr) == ("set()\n", "")
