import json
from datetime import UTC, datetime
from typing import Any

import pytest

from task_schema import (
    MAX_INLINE_CONTENT_BYTES,
    MAX_NESTING,
    Message,
    Metadata,
    UnreadableMessageError,
    fits_inline,
    read_message,
)

AT = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
METADATA = Metadata(
    id="t", runtime="sdruntime", tasktype="text-to-image", prefix="output", context={"é": [1]}
)


def message(**changes: Any) -> Message:
    values: dict[str, Any] = {
        "submission": "a5b7ff19-55a6-4b0c-a1a8-b6d1d0c7a0c1",
        "metadata": METADATA,
        "content": {"prompt": "A dög \u0001 \U0001f600"},
        "submitted_at": AT,
        "api_version": "v1alpha2",
        **changes,
    }
    return Message(**values)


def bare(**changes: Any) -> dict[str, Any]:
    metadata = {"id": "t", "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "output", **changes}
    return {"metadata": metadata, "content": {"prompt": "A dog"}}


def envelope(body: str, message_id: str = "sns-1") -> str:
    return json.dumps({"Type": "Notification", "MessageId": message_id, "TopicArn": "arn", "Message": body})


@pytest.mark.parametrize(
    "sent", [message(), message(content=None, content_ref="s3://payload/tasks/a/content.json")]
)
def test_a_message_is_read_as_it_was_written(sent: Message) -> None:
    received = read_message(sent.to_json(), message_id="m")
    assert received.message == sent
    assert not received.bare


def test_a_message_has_the_keys_of_the_design_in_ascii() -> None:
    text = message().to_json()
    assert text.isascii()
    assert json.loads(text) == {
        "schema": 1,
        "submission": "a5b7ff19-55a6-4b0c-a1a8-b6d1d0c7a0c1",
        "metadata": {
            "id": "t",
            "runtime": "sdruntime",
            "tasktype": "text-to-image",
            "prefix": "output",
            "context": {"é": [1]},
            "callback_url": None,
            "expires_in": None,
        },
        "content": {"prompt": "A dög \u0001 \U0001f600"},
        "content_ref": None,
        "submitted_at": "2026-11-23T01:02:03Z",
        "api_version": "v1alpha2",
    }


def test_a_later_releases_message_may_have_more_keys() -> None:
    later = {**json.loads(message().to_json()), "priority": 1}
    assert read_message(json.dumps(later), message_id="m").message == message()


def test_the_longest_inline_message_stays_under_the_limit_of_sns() -> None:
    longest = Metadata(
        id="x" * 128,
        runtime="r" * 128,
        tasktype="t" * 128,
        prefix="é" * 256,
        context="é" * (8 * 1024 - 1),
        callback_url="https://x.example/" + "a" * 1000,
        expires_in=14 * 24 * 3600,
    )
    content = {"prompt": "x" * (MAX_INLINE_CONTENT_BYTES - len('{"prompt":""}'))}
    assert fits_inline(content)
    assert not fits_inline({"prompt": content["prompt"] + "x"})
    assert len(message(metadata=longest, content=content).to_json()) < 256 * 1024 - 1000


def test_the_size_of_content_is_that_of_its_escaped_form() -> None:
    assert not fits_inline({"prompt": "é" * (MAX_INLINE_CONTENT_BYTES // 4)})


@pytest.mark.parametrize("given", [{}, {"content": {}, "content_ref": "s3://b/k"}])
def test_a_message_has_either_content_or_a_reference(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        message(content=given.get("content"), content_ref=given.get("content_ref"))


def test_a_message_inside_an_envelope_is_read() -> None:
    received = read_message(envelope(message().to_json()), message_id="m")
    assert received.message == message()


def test_a_bare_message_is_a_task_that_nobody_checked() -> None:
    received = read_message(json.dumps(bare()), message_id="m", received_at=AT)
    assert received.bare
    assert received.message.metadata.id == "t"
    assert received.message.content == {"prompt": "A dog"}
    assert received.message.submitted_at == AT


def test_each_delivery_of_a_bare_message_means_the_same_submission() -> None:
    body = json.dumps(bare())
    first, again = (read_message(body, message_id="m").message.submission for _ in range(2))
    other = read_message(body, message_id="n").message.submission
    assert first == again
    assert first != other


def test_in_an_envelope_the_message_id_of_sns_counts() -> None:
    one, two = (
        read_message(envelope(json.dumps(bare())), message_id=sqs).message.submission for sqs in ("a", "b")
    )
    other = read_message(envelope(json.dumps(bare()), "sns-2"), message_id="a").message.submission
    assert one == two
    assert one != other


def test_the_runtime_of_the_queue_stands_in_where_a_bare_message_names_none() -> None:
    body = bare()
    del body["metadata"]["runtime"]
    assert read_message(json.dumps(body), message_id="m", runtime="q").message.metadata.runtime == "q"
    assert (
        read_message(json.dumps(bare()), message_id="m", runtime="q").message.metadata.runtime == "sdruntime"
    )
    with pytest.raises(UnreadableMessageError):
        read_message(json.dumps(body), message_id="m")


@pytest.mark.parametrize(
    ("body", "task_id"),
    [
        ("", None),
        ("hello", None),
        ("[]", None),
        ("null", None),
        ("{}", None),
        ("[" * 100_000, None),
        ('{"metadata": {"id": "t"}}', "t"),
        ('{"metadata": {"id": "../t"}}', None),
        ('{"metadata": {"id": "t"}, "content": {"a": NaN}}', "t"),
        ('{"metadata": {"id": "t"}, "content": {"a": 1e999}}', "t"),
        ('{"metadata": {"id": "t"}, "content": {"a": "\\ud800"}}', "t"),
        ('{"metadata": {"id": "t"}, "content": {"a": ' + "[" * 101 + "]" * 101 + "}}", "t"),
        ('{"Type": "Notification", "MessageId": "\\ud800", "Message": "{}"}', None),
        ('{"Type": "Notification", "MessageId": "a", "Message": "not JSON"}', None),
        (
            '{"Type": "Notification", "MessageId": "a", "Message": "{\\"metadata\\": {\\"id\\": \\"t\\"}}"}',
            "t",
        ),
        (json.dumps({**json.loads(message().to_json()), "schema": 2}), "t"),
        (json.dumps({**json.loads(message().to_json()), "content": None}), "t"),
        (json.dumps({**json.loads(message().to_json()), "submitted_at": "yesterday"}), "t"),
        (json.dumps(bare(prefix="..")), "t"),
        (json.dumps(bare(unknown=1)), "t"),
        (json.dumps({**bare(), "content": None}), "t"),
        (json.dumps({**bare(), "content": "x"}), "t"),
    ],
)
def test_an_unreadable_message_tells_the_id_where_it_can(body: str, task_id: str | None) -> None:
    with pytest.raises(UnreadableMessageError) as unreadable:
        read_message(body, message_id="m")
    assert unreadable.value.task_id == task_id
    assert unreadable.value.reason


def test_an_unreadable_message_of_ours_tells_its_submission() -> None:
    broken = {**json.loads(message().to_json()), "content": None}
    with pytest.raises(UnreadableMessageError) as unreadable:
        read_message(json.dumps(broken), message_id="m")
    assert unreadable.value.submission == message().submission


def test_a_message_may_have_so_many_levels_and_no_more() -> None:
    # The message, its content, and the list in it.
    def nested(levels: int) -> str:
        return json.dumps(bare()).replace('"A dog"', "[" * (levels - 2) + "]" * (levels - 2))

    assert read_message(nested(MAX_NESTING), message_id="m").message.metadata.id == "t"
    with pytest.raises(UnreadableMessageError, match=f"more than {MAX_NESTING} levels") as caught:
        read_message(nested(MAX_NESTING + 1), message_id="m")
    assert caught.value.task_id == "t"
