from typing import Any

from console.submitted import Submitted

A = {"task": {"metadata": {"id": "a"}, "content": {"prompt": "a dog"}}}
B = {"task": {"metadata": {"id": "a"}, "content": {"prompt": "a cat"}}}


def request(size: int) -> dict[str, Any]:
    return {"task": {"content": {"prompt": "x" * size}}}


def test_a_request_is_known_for_the_submission_that_is_seen_first() -> None:
    submitted = Submitted()
    submitted.keep("a", A)
    submitted.seen("a", "first")
    assert submitted.request("a", "first") == A
    assert submitted.request("a", "second") is None


def test_a_task_that_was_there_before_is_not_taken_for_the_new_one() -> None:
    submitted = Submitted()
    submitted.keep("a", A, before="old")
    assert submitted.request("a", "old") is None
    assert submitted.request("a", "new") == A


def test_a_request_that_is_sent_twice_stays_with_its_task() -> None:
    submitted = Submitted()
    submitted.keep("a", A)
    submitted.seen("a", "first")
    submitted.keep("a", dict(A))
    assert submitted.request("a", "first") == A


def test_another_request_under_the_same_id_takes_the_place_of_the_first() -> None:
    submitted = Submitted()
    submitted.keep("a", A)
    submitted.seen("a", "first")
    submitted.keep("a", B, before="first")
    assert submitted.request("a", "first") is None
    assert submitted.request("a", "second") == B


def test_the_same_request_that_is_sent_again_after_its_end_is_known_for_the_new_task() -> None:
    submitted = Submitted()
    submitted.keep("a", A)
    submitted.seen("a", "first")
    submitted.keep("a", dict(A), before="first")
    assert submitted.request("a", "second") == A


def test_of_many_requests_the_last_are_remembered() -> None:
    submitted = Submitted(most=3)
    for number in range(5):
        submitted.keep(str(number), request(number))
    known = [number for number in range(5) if submitted.request(str(number), "s") is not None]
    assert known == [2, 3, 4]


def test_large_requests_push_older_ones_out() -> None:
    submitted = Submitted(most_bytes=1000)
    for number in range(5):
        submitted.keep(str(number), request(400))
    known = [number for number in range(5) if submitted.request(str(number), "s") is not None]
    assert known == [3, 4]


def test_a_request_that_is_too_large_alone_is_not_remembered_and_pushes_nothing_out() -> None:
    submitted = Submitted(most_bytes=1000)
    submitted.keep("small", A)
    submitted.keep("large", request(2000))
    assert submitted.request("large", "s") is None
    assert submitted.request("small", "s") == A
