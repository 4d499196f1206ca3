import pytest

from task_schema import MAX_MESSAGE_CHARS, TaskCode, TaskError, shorten


@pytest.mark.parametrize(
    ("error", "code", "message", "retryable"),
    [
        (TaskError.cancelled(), TaskCode.CANCELLED, "cancelled by the user", False),
        (TaskError.not_started(), TaskCode.EXPIRED, "it did not start within expires_in", True),
        (
            TaskError.conflict("t1"),
            TaskCode.CONFLICT,
            "another task with the id t1 is not finished; this one was not started",
            True,
        ),
        (
            TaskError.unreadable("content: Field required"),
            TaskCode.UNREADABLE_MESSAGE,
            "the message cannot be read: content: Field required",
            False,
        ),
    ],
)
def test_what_several_services_tell_has_one_set_of_words(
    error: TaskError, code: TaskCode, message: str, retryable: bool
) -> None:
    assert (error.code, error.message, error.retryable) == (code, message, retryable)


def test_a_reason_that_quotes_a_large_message_is_cut() -> None:
    message = TaskError.unreadable("x" * 10_000).message
    assert message == shorten(message)
    assert len(message) == MAX_MESSAGE_CHARS
    assert message.startswith("the message cannot be read: xxx")
    assert message.endswith("x…")


@pytest.mark.parametrize("length", [0, 1, MAX_MESSAGE_CHARS])
def test_a_message_that_fits_stays_as_it_is(length: int) -> None:
    assert shorten("y" * length) == "y" * length


def test_a_message_of_one_character_too_many_loses_two_to_the_ellipsis() -> None:
    assert shorten("y" * (MAX_MESSAGE_CHARS + 1)) == "y" * (MAX_MESSAGE_CHARS - 1) + "…"
