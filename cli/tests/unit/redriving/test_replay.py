"""Where the request of a task is found, and how it is handed to the queue agent."""

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from rich.console import Console

from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.operating.system import System
from darkroom_cli.redriving.replaying import ReplayFailedError, Wish, replay
from darkroom_cli.redriving.requests import NoRequestError, request_of
from darkroom_cli.terminal import Terminal
from darkroom_client import Connection, Task
from darkroom_client.testing import Say, Server, task
from local.home import Home
from local.state import RuntimeState, State
from s3io.claimcheck import ClaimCheck
from task_schema import Deployment, RuntimeSpec

SUBMISSION = "8a4c2b0e-0000-4000-8000-000000000001"  # the one that `testing.task` shows
OUT = "s3://out/output/a/a-1.out"
CONTENT = {"prompt": "a dog"}
# Stands in for the queue agent: tells what it was given, or fails.
AGENT = """
import json, os, sys
from pathlib import Path
request = json.load(sys.stdin)
if request["content"].get("prompt") == "fail":
    sys.exit("queue-agent replay: out_of_memory: too big")
names = ("RUNTIME_URL", "RUNTIME_TYPE", "ALLOWED_INPUT_S3", "AWS_REGION")
told = {"request": request, "argv": sys.argv[1:], **{name: os.environ.get(name) for name in names}}
Path(sys.argv[2]).mkdir(parents=True)
Path(sys.argv[2], "told.json").write_text(json.dumps(told))
print(Path(sys.argv[2], "told.json"))
"""


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        for bucket in ("out", "payloads"):
            client.create_bucket(Bucket=bucket)
        yield client


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def system(s3: Any, endpoint: str = "http://127.0.0.1:9") -> System:
    names = ("UnroutedQueueUrl", "TasksTable", "sdNotificationOutputArn", "OutputS3Bucket")
    return System(
        stack="sdStack",
        stack_status="CREATE_COMPLETE",
        connection=Connection(endpoint, "a-key"),
        deployment=Deployment(runtimes=(RuntimeSpec(name="sdruntime", type="sdwebui", dynamic_model=True),)),
        outputs={name: name for name in names} | {"PayloadBucket": "payloads"},
        queues={"sdruntime": "http://127.0.0.1:9/q"},
        aws=lambda _: s3,
    )


def shown(status: str = "succeeded", **more: Any) -> Task:
    return Task.model_validate(task(status, output_url=OUT, **more))


def put_answer(s3: Any, document: Any) -> None:
    s3.put_object(Bucket="out", Key="output/a/a-1.out", Body=json.dumps(document).encode())


def answer(**request: Any) -> dict[str, Any]:
    return {"darkroom": {"attempt": 1, "request": {"tasktype": "pipeline", **request}}}


def test_the_request_is_in_the_answer_of_the_task(s3: Any) -> None:
    put_answer(s3, answer(content=CONTENT))
    stored = request_of(shown(), system(s3))
    assert json.loads(stored.to_json()) == {
        "id": "a",
        "submission": SUBMISSION,
        "tasktype": "pipeline",
        "content": CONTENT,
    }


def test_a_large_request_is_in_the_payload_bucket(s3: Any) -> None:
    ref = ClaimCheck(s3, "payloads").put(SUBMISSION, "content", CONTENT)
    put_answer(s3, answer(content_ref=ref))
    assert request_of(shown(), system(s3)).content == CONTENT


def test_a_large_request_is_not_kept_for_ever(s3: Any) -> None:
    put_answer(s3, answer(content_ref=f"s3://payloads/tasks/{SUBMISSION}/content.json"))
    with pytest.raises(NoRequestError, match="not kept any more"):
        request_of(shown(), system(s3))


def test_the_request_of_a_dead_letter_is_in_the_letter(s3: Any) -> None:
    metadata = {"id": "a", "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "output"}
    body = {
        "schema": 1,
        "submission": SUBMISSION,
        "metadata": metadata,
        "content": CONTENT,
        "submitted_at": "2026-11-23T14:00:00Z",
        "api_version": "v1alpha2",
    }
    letter = {
        "queue": "arn:aws:sqs:us-east-1:0:dlq",
        "message_id": "m",
        "body": json.dumps(body),
        "sent_at": "2026-11-23T14:00:00+00:00",
    }
    put_answer(s3, {"error": {}})
    s3.put_object(Bucket="payloads", Key="dead-letters/dlq/m.json", Body=json.dumps(letter).encode())
    assert request_of(shown("failed"), system(s3)).content == CONTENT


class Redriven:
    """An S3 client of somebody whose colleague sends each letter again before it is read."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def get_object(self, **place: str) -> Any:
        self._s3.delete_object(**place)
        return self._s3.get_object(**place)


def test_a_letter_that_a_colleague_has_sent_meanwhile_has_no_request(s3: Any) -> None:
    s3.put_object(Bucket="payloads", Key="dead-letters/dlq/m.json", Body=b"{}")
    with pytest.raises(NoRequestError, match="is not stored"):
        request_of(shown("failed"), system(Redriven(s3)))


@pytest.mark.parametrize("name", ["PayloadBucket", "OutputS3Bucket"])
def test_a_stack_of_an_older_version_is_told_to_be_deployed_again(
    s3: Any, server: Server, tmp_path: Path, name: str
) -> None:
    put_answer(s3, answer(content=CONTENT))
    with pytest.raises(BadRequestOptionError, match=f"sdStack has no output {name}: deploy it again"):
        replayed(s3, server, tmp_path, without=name)


@pytest.mark.parametrize(
    ("status", "document", "words"),
    [
        ("running", None, "once it has ended"),
        ("succeeded", None, "is not stored"),
        ("succeeded", {"images": []}, "is not stored"),
        ("succeeded", answer(content=["no", "object"]), "is none"),
    ],
)
def test_a_request_that_is_not_to_be_had_is_told(s3: Any, status: str, document: Any, words: str) -> None:
    if document is not None:
        put_answer(s3, document)
    with pytest.raises(NoRequestError, match=words):
        request_of(shown(status), system(s3))


def up_here(folder: Path) -> State:
    """Return the state of a local system with a ComfyUI."""
    comfy = RuntimeState(
        type="comfyui", url="http://127.0.0.1:8188", sketch=True, queue_url="q", health_url="h"
    )
    names = ("endpoint", "api_key", "region", "requests_topic", "notifications_topic", "output_bucket")
    more = ("aws_url", "payload_bucket", "tasks_table", "unrouted_queue_url", "validator_function")
    return State(
        **dict.fromkeys((*names, *more), "http://127.0.0.1:9"),
        pid=1,
        started_at=1,
        runtimes={"comfy": comfy},
        processes={},
        logs=folder,
    )


def replayed(
    s3: Any, server: Server, folder: Path, *, state: State | None = None, without: str = "", **wish: Any
) -> str:
    known = system(s3, server.url)
    outputs = {name: value for name, value in known.outputs.items() if name != without}
    server.says(Say(200, task("succeeded", output_url=OUT)))
    program = folder / "agent.py"
    program.write_text(AGENT)
    zips = {f"{name}_ZIP": str(program) for name in ("VALIDATOR", "NOTIFIER", "STATUS")}
    named = dict.fromkeys(("AGENT", "INFRA", "MINISTACK"), f"{sys.executable} {program}")
    environ = {"PATH": "/bin", "AWS_REGION": "r1", **zips, **{f"DARKROOM_{k}": v for k, v in named.items()}}
    told = io.StringIO()
    replay(
        replace(known, outputs=outputs, state=state),
        Wish(
            **{
                "task_id": "a",
                "runtime": "http://127.0.0.1:7860",
                "type": None,
                "folder": folder / "o",
                **wish,
            }
        ),
        home=Home(folder),
        environ=environ,
        region="r2",
        terminal=Terminal(out=Console(file=told, width=300), err=Console(file=io.StringIO())),
    )
    return told.getvalue()


def test_the_agent_gets_the_request_and_where_to_run_it(s3: Any, server: Server, tmp_path: Path) -> None:
    put_answer(s3, answer(content=CONTENT))
    said = replayed(s3, server, tmp_path, buckets=("photos",))
    told = json.loads(Path(said.strip()).read_text())
    assert told["request"]["content"] == CONTENT
    assert told["argv"] == ["replay", str(tmp_path / "o")]
    assert (told["RUNTIME_URL"], told["RUNTIME_TYPE"]) == ("http://127.0.0.1:7860", "sdwebui")
    assert (told["ALLOWED_INPUT_S3"], told["AWS_REGION"]) == ('["photos"]', "r2")


@pytest.mark.parametrize(("asked", "type_"), [(None, "comfyui"), ("sdwebui", "sdwebui")])
def test_a_runtime_that_is_up_here_is_of_its_own_type_unless_told_otherwise(
    s3: Any, server: Server, tmp_path: Path, asked: str | None, type_: str
) -> None:
    put_answer(s3, answer(content=CONTENT))
    said = replayed(s3, server, tmp_path, state=up_here(tmp_path), runtime="comfy", type=asked)
    told = json.loads(Path(said.strip()).read_text())
    assert (told["RUNTIME_URL"], told["RUNTIME_TYPE"]) == ("http://127.0.0.1:8188", type_)


def test_what_the_runtime_says_is_told(s3: Any, server: Server, tmp_path: Path) -> None:
    put_answer(s3, answer(content={"prompt": "fail"}))
    with pytest.raises(ReplayFailedError, match="a: out_of_memory: too big"):
        replayed(s3, server, tmp_path)


def test_a_runtime_that_is_no_url_is_refused(s3: Any, server: Server, tmp_path: Path) -> None:
    put_answer(s3, answer(content=CONTENT))
    with pytest.raises(BadRequestOptionError, match="is not an http"):
        replayed(s3, server, tmp_path, runtime="sdruntime")
