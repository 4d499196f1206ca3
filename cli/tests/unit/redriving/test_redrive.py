"""`redrive` against a bucket and queues of moto and an API that answers by a script."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from rich.console import Console

from darkroom_cli.errors import BadRequestOptionError, CliError
from darkroom_cli.operating.errors import AwsError
from darkroom_cli.operating.system import System
from darkroom_cli.redriving.items import Wanted
from darkroom_cli.redriving.work import NotAllSentError, Orders, redrive
from darkroom_cli.terminal import Terminal
from darkroom_client import Connection
from darkroom_client.testing import ACCEPTED, Say, Seen, Server, refusal, task
from s3io.claimcheck import ClaimCheck
from task_schema import Deployment

BUCKET = "payloads"
SUBMISSION = "8a4c2b0e-0000-4000-8000-000000000001"  # the one that `testing.task` shows
OTHER = "8a4c2b0e-0000-4000-8000-000000000002"
CONTENT = {"prompt": "a dog"}
FAILED = {"error": {"code": "attempts_exhausted", "message": "lost", "retryable": True}}


class Interrupting:
    """An S3 client of somebody who presses Ctrl-C once the first letter is deleted."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def delete_object(self, **key: str) -> None:
        self._s3.delete_object(**key)
        raise KeyboardInterrupt


class Late:
    """An S3 client of somebody whose colleague sends all letters again once they are listed."""

    def __init__(self, s3: Any, keys: list[str]) -> None:
        self._s3 = s3
        self._keys = keys

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def get_object(self, **place: str) -> Any:
        for key in self._keys:
            self._s3.delete_object(Bucket=BUCKET, Key=key)
        return self._s3.get_object(**place)


class Refusing:
    """An SQS client that refuses one call."""

    def __init__(self, sqs: Any, call: str, code: str) -> None:
        self._sqs = sqs
        self._call = call
        self._code = code

    def __getattr__(self, name: str) -> Any:
        return self._refuse if name == self._call else getattr(self._sqs, name)

    def _refuse(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": self._code}}, self._call)


class World:
    """One system: what it keeps, what its API was asked."""

    def __init__(self, server: Server) -> None:
        self.s3, self.sqs = boto3.client("s3"), boto3.client("sqs")
        self.s3.create_bucket(Bucket=BUCKET)
        self.dead, self.retries = (
            self.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("dead", "retries")
        )
        self.server = server
        self.rows: dict[str, dict[str, Any]] = {}
        self.post = Say(200, ACCEPTED)
        server.script = self._answer

    def _answer(self, seen: Seen) -> Say:
        if seen.method == "POST":
            return self.post
        row = self.rows.get(seen.path.rpartition("/")[2])
        return Say(404, refusal("not_found")) if row is None else Say(200, row)

    def letter(
        self, task_id: str, *, status: str = "failed", submission: str = SUBMISSION, **message: Any
    ) -> str:
        """Keep a dead letter as the notifier does; the task's row has a status."""
        more = FAILED if status == "failed" else {}
        self.rows[task_id] = task(status, id=task_id, **more)
        metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "output"}
        body = {
            "schema": 1,
            "submission": submission,
            "metadata": {**metadata, "context": {"x": 1}},
            "content": CONTENT,
            "submitted_at": "2026-11-23T14:00:00Z",
            "api_version": "v1alpha2",
            **message,
        }
        return self.keep(f"m-{task_id}", json.dumps(body))

    def keep(self, message_id: str, body: str) -> str:
        key = f"dead-letters/sdruntime-dlq/{message_id}.json"
        document = {
            "queue": "arn:aws:sqs:us-east-1:000000000000:sdruntime-dlq",
            "message_id": message_id,
            "body": body,
            "sent_at": "2026-11-23T14:00:00+00:00",
            "system": {},
            "message_attributes": {"runtime": {"stringValue": "sdruntime", "dataType": "String"}},
        }
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(document).encode())
        return key

    def webhook(self, task_id: str, **attributes: str) -> None:
        told = {
            "id": task_id,
            "submission": SUBMISSION,
            "event_id": f"e-{task_id}",
            "runtime": "sdruntime",
            "url": "https://app.example/hook",
            "reason": "exhausted",
            "tries": "9",
            **attributes,
        }
        self.sqs.send_message(
            QueueUrl=self.dead,
            MessageBody='{"id": "the very bytes"}',
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in told.items()
            },
        )

    def keys(self) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix="dead-letters/")
        return [one["Key"] for one in listed.get("Contents", ())]

    def received(self, url: str) -> list[Any]:
        found: list[Any] = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", [])
        return found

    def posts(self) -> list[Seen]:
        return [seen for seen in self.server.seen if seen.method == "POST"]

    def run(
        self, wanted: Wanted | None = None, *, confirm: Callable[[str], bool] = lambda _: True, **orders: bool
    ) -> str:
        out, err = io.StringIO(), io.StringIO()
        terminal = Terminal(out=Console(file=out, width=300), err=Console(file=err, width=300))
        self.said = out, err
        outputs = {
            "PayloadBucket": BUCKET,
            "WebhookDeadLettersUrl": self.dead,
            "WebhookRetriesUrl": self.retries,
        }
        system = System(
            stack="sdStack",
            stack_status="CREATE_COMPLETE",
            connection=Connection(self.server.url, "a-key"),
            deployment=Deployment(runtimes=()),
            outputs=outputs,
            queues={},
            aws=lambda name: self.s3 if name == "s3" else self.sqs,
        )
        redrive(system, Orders(wanted or Wanted(), **orders), terminal=terminal, confirm=confirm)
        return out.getvalue() + err.getvalue()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = Server()
    with mock_aws():
        yield World(server)
    server.close()


def test_a_dead_letter_becomes_a_new_submission_of_its_id_and_is_not_kept_any_more(world: World) -> None:
    world.letter("a")
    assert "attempts_exhausted" in world.run()
    [post] = world.posts()
    metadata = {
        "id": "a",
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "prefix": "output",
        "context": {"x": 1},
    }
    assert post.body == {"task": {"metadata": metadata, "content": CONTENT}}
    assert post.headers["idempotency-key"].startswith("redrive-")
    assert world.keys() == []


def test_a_large_request_is_brought_back_from_where_it_was_kept(world: World) -> None:
    ref = ClaimCheck(world.s3, BUCKET).put(SUBMISSION, "content", {"prompt": "long"})
    world.letter("a", content=None, content_ref=ref)
    world.run()
    assert world.posts()[0].body["task"]["content"] == {"prompt": "long"}


@pytest.mark.parametrize(
    "ref", ["s3://payloads/tasks/" + SUBMISSION + "/content.json", "s3://other/secret.json"]
)
def test_a_large_request_that_is_gone_or_elsewhere_is_kept_and_told(world: World, ref: str) -> None:
    key = world.letter("a", content=None, content_ref=ref)
    with pytest.raises(NotAllSentError):
        world.run()
    assert world.keys() == [key]
    assert "its content cannot be read" in world.said[0].getvalue()


def test_what_a_bare_message_asked_for_is_submitted_too(world: World) -> None:
    metadata = {"id": "a", "tasktype": "text-to-image", "prefix": "output"}
    world.keep("m-1", json.dumps({"metadata": metadata, "content": CONTENT}))
    world.run()
    assert world.posts()[0].body["task"]["metadata"]["runtime"] == "sdruntime"
    assert world.keys() == []


@pytest.mark.parametrize(
    ("status", "submission", "words"),
    [
        ("succeeded", SUBMISSION, "its task succeeded"),
        ("running", SUBMISSION, "has not ended"),
        ("cancelled", SUBMISSION, "it was cancelled"),
        ("failed", OTHER, "its id was used again since"),
    ],
)
def test_what_need_not_run_again_is_left_alone(
    world: World, status: str, submission: str, words: str
) -> None:
    key = world.letter("a", status=status, submission=submission)
    assert words in world.run()
    assert (world.posts(), world.keys()) == ([], [key])


def test_who_names_a_cancelled_task_wants_it(world: World) -> None:
    world.letter("a", status="cancelled")
    world.run(Wanted(task_ids=["a"]))
    assert len(world.posts()) == 1


def test_what_is_unreadable_or_no_letter_is_shown_and_stays(world: World) -> None:
    world.keep("m-1", "no json")
    world.s3.put_object(Bucket=BUCKET, Key="dead-letters/q/x.json", Body=b"{}")
    said = world.run()
    assert "unreadable: the message is not JSON" in said
    assert "not one that the notifier has kept" in said
    assert len(world.keys()) == 2


def test_a_letter_that_the_api_refuses_is_kept_and_the_others_are_sent(world: World) -> None:
    first, _ = world.letter("a"), world.letter("b")
    answers = [Say(400, refusal("unknown_runtime", "there is no runtime sdruntime")), Say(200, ACCEPTED)]
    world.server.script = lambda seen: answers.pop(0) if seen.method == "POST" else Say(200, world.rows["a"])
    with pytest.raises(NotAllSentError, match="1 of 2"):
        world.run()
    assert world.keys() == [first]
    assert "there is no runtime sdruntime" in world.said[0].getvalue()


def test_who_is_interrupted_before_the_letter_is_deleted_sends_the_very_same_again(world: World) -> None:
    key = world.letter("a")
    stored = world.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    world.run()
    world.s3.put_object(Bucket=BUCKET, Key=key, Body=stored)  # as if it had not been deleted
    world.run()
    first, second = world.posts()
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.body == second.body


def test_an_id_that_is_used_again_while_the_user_is_asked_stays_with_its_new_task(world: World) -> None:
    key = world.letter("a")

    def confirm(_: str) -> bool:
        world.rows["a"] = task("succeeded", id="a", submission=OTHER)
        return True

    with pytest.raises(NotAllSentError, match="1 of 1"):
        world.run(confirm=confirm)
    assert (world.posts(), world.keys()) == ([], [key])
    assert "its id was used again since" in world.said[0].getvalue()


def test_two_letters_of_one_submission_become_one_task(world: World) -> None:
    key = world.letter("a")
    body = json.loads(world.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())["body"]
    world.keep("m-again", body)
    world.run()
    assert (len(world.posts()), world.keys()) == (1, [])


def test_letters_that_a_colleague_has_sent_meanwhile_are_no_error(world: World) -> None:
    key = world.letter("a")
    world.s3 = Late(world.s3, [key])
    assert "nothing was given up" in world.run()


def test_a_webhook_that_cannot_be_sent_is_not_deleted(world: World) -> None:
    world.webhook("a")
    world.sqs = Refusing(world.sqs, "send_message", "AccessDenied")
    with pytest.raises(AwsError, match="AccessDenied"):
        world.run()
    assert len(world.received(world.dead)) == 1


def test_who_thinks_for_so_long_that_the_webhooks_are_back_by_themselves_sees_no_error(world: World) -> None:
    world.webhook("a")
    world.sqs = Refusing(world.sqs, "change_message_visibility", "MessageNotInflight")
    assert "nothing was sent" in world.run(confirm=lambda _: False)


def test_an_api_that_is_out_of_order_ends_it_and_nothing_is_lost(world: World) -> None:
    keys = [world.letter("a"), world.letter("b")]
    world.post = Say(401, refusal("unauthorized"))
    with pytest.raises(CliError):
        world.run()
    assert (world.keys(), len(world.posts())) == (keys, 1)


def test_a_failed_webhook_begins_anew_with_the_same_event(world: World) -> None:
    world.webhook("a", traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    assert "exhausted" in world.run()
    [sent] = world.received(world.retries)
    told = {name: value["StringValue"] for name, value in sent["MessageAttributes"].items()}
    assert sent["Body"] == '{"id": "the very bytes"}'
    assert told.pop("traceparent")
    assert told == {
        "id": "a",
        "submission": SUBMISSION,
        "event_id": "e-a",
        "runtime": "sdruntime",
        "url": "https://app.example/hook",
        "try": "1",
        "due": "0",
    }
    assert world.received(world.dead) == []


def test_webhooks_that_are_not_sent_are_in_their_queue_as_before(world: World) -> None:
    world.webhook("a", reason="unreadable")
    world.webhook("b", reason="unaddressed")
    world.webhook("c", runtime="another")
    said = world.run(Wanted(runtime="sdruntime"))
    assert "it is no webhook" in said
    assert "its receiver is not known" in said
    assert len(world.received(world.dead)) == 3
    assert world.received(world.retries) == []


def test_more_webhooks_than_a_batch_are_all_found(world: World) -> None:
    for number in range(25):
        world.webhook(f"t{number}")
    world.run()
    sent = [one for _ in range(3) for one in world.received(world.retries)]
    assert {one["MessageAttributes"]["id"]["StringValue"] for one in sent} == {f"t{n}" for n in range(25)}


@pytest.mark.parametrize("orders", [{"dry_run": True}, {"confirm": lambda _: False}])
def test_who_only_looks_or_says_no_changes_nothing(world: World, orders: dict[str, Any]) -> None:
    key = world.letter("a")
    world.webhook("a")
    world.run(**orders)
    assert (world.posts(), world.keys()) == ([], [key])
    assert len(world.received(world.dead)) == 1


def test_one_kind_alone_can_be_meant(world: World) -> None:
    key = world.letter("a")
    world.webhook("a")
    world.run(letters=False)
    assert world.keys() == [key]
    world.webhook("a")
    world.run(webhooks=False)
    assert (world.keys(), len(world.received(world.dead))) == ([], 1)


def test_one_task_alone_can_be_meant_and_one_that_is_not_there_is_told(world: World) -> None:
    world.letter("a")
    kept = world.letter("b")
    world.run(Wanted(task_ids=["a"]))
    assert world.keys() == [kept]
    with pytest.raises(BadRequestOptionError, match="nothing that was given up is of nobody"):
        world.run(Wanted(task_ids=["nobody"]))


def test_ctrl_c_in_the_middle_shows_what_was_sent_and_gives_the_rest_back(world: World) -> None:
    world.webhook("a")
    world.letter("a")
    world.letter("b")
    posts = []

    def answer(seen: Seen) -> Say:
        if seen.method != "POST":
            return Say(200, world.rows["a"])
        posts.append(seen)
        return Say(200, ACCEPTED)

    world.server.script = answer
    world.s3 = Interrupting(world.s3)
    with pytest.raises(KeyboardInterrupt):
        world.run()
    assert len(posts) == 1
    assert len(world.keys()) == 1
    assert len(world.received(world.dead)) == 1
    assert "would be sent" in world.said[0].getvalue()


def test_nothing_given_up_is_no_error(world: World) -> None:
    assert "nothing was given up" in world.run()
