import json
import uuid
from typing import Any

import pytest

from task_schema import UnreadableMessageError, is_submission, read_message, unread_submission

NO_SUBMISSIONS = ["", "-a", "_a", "a/b", "../a", "a b", "é", "a\n", "x" * 65]


@pytest.mark.parametrize("text", ["a", "0", "a5b7ff19-55a6-4b0c-a1a8-b6d1d0c7a0c1", "a_b-C", "x" * 64])
def test_a_submission_is_what_a_row_and_a_folder_have_room_for(text: str) -> None:
    assert is_submission(text)


@pytest.mark.parametrize("text", NO_SUBMISSIONS)
def test_what_could_leave_the_folder_or_the_row_is_no_submission(text: str) -> None:
    assert not is_submission(text)


def sent(submission: str) -> dict[str, Any]:
    return {
        "schema": 1,
        "submission": submission,
        "metadata": {"id": "t", "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "output"},
        "content": {"prompt": "A dog"},
        "submitted_at": "2026-11-23T01:02:03Z",
        "api_version": "v1alpha2",
    }


@pytest.mark.parametrize("text", NO_SUBMISSIONS)
def test_a_message_whose_submission_is_none_cannot_be_read_and_tells_its_task(text: str) -> None:
    with pytest.raises(UnreadableMessageError, match="is not one that the API gives") as unreadable:
        read_message(json.dumps(sent(text)), message_id="m")
    assert (unreadable.value.task_id, unreadable.value.submission) == ("t", None)


def test_an_unread_message_keeps_the_submission_that_it_names() -> None:
    assert unread_submission("s-1", "m") == "s-1"


@pytest.mark.parametrize("given", [None, *NO_SUBMISSIONS])
def test_one_that_names_none_gets_the_same_one_at_each_delivery(given: str | None) -> None:
    first, again, other = (unread_submission(given, message_id) for message_id in ("m", "m", "n"))
    assert first == again == str(uuid.uuid5(uuid.NAMESPACE_OID, "m"))
    assert first != other
    assert is_submission(first)
