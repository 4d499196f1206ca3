import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom_client import BadArgumentError, Retries
from darkroom_client.retrying import retry_after
from darkroom_client.steps import Lost

LOST = Lost("gone")


def answer(**headers: str) -> httpx.Response:
    return httpx.Response(429, headers={name.replace("_", "-"): value for name, value in headers.items()})


@given(failures=st.integers(1, 5))
def test_pauses_grow_are_spread_and_stay_below_their_limit(failures: int) -> None:
    retries = Retries(first=1.0, longest=6.0)
    pause = retries.pause(failures, LOST)
    longest = min(6.0, 2.0 ** (failures - 1))
    assert pause is not None
    assert longest / 2 <= pause <= longest


def test_the_last_try_is_not_followed_by_a_pause() -> None:
    assert Retries(tries=3).pause(3, LOST) is None


@given(asked=st.integers(0, 120))
def test_nobody_comes_back_before_the_time_that_was_asked_for(asked: int) -> None:
    pause = Retries().pause(1, answer(retry_after=str(asked)))
    assert pause is not None
    assert pause >= asked


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        (
            {"retry_after": "Wed, 21 Oct 2015 07:28:09 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"},
            9.0,
        ),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "-1"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_time(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(answer(**headers)) == seconds


def test_no_tries_at_all_make_no_sense() -> None:
    with pytest.raises(BadArgumentError):
        Retries(tries=0)
