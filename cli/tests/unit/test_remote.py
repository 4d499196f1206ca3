import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from PIL import Image
from typer.testing import CliRunner

from darkroom_cli.app import app
from darkroom_cli.endpoints import Target, connection
from darkroom_cli.errors import BadRequestOptionError, NoAnswerError
from darkroom_client import Connection
from darkroom_client.testing import ACCEPTED, Say, Seen, Server, refusal, task, upload
from local.home import Home

ERROR = {"code": "out_of_memory", "message": "the GPU is too small", "retryable": True}


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Give an API that the environment names."""
    server = Server()
    monkeypatch.setenv("DARKROOM_HOME", str(tmp_path))
    monkeypatch.setenv("DARKROOM_ENDPOINT", server.url)
    monkeypatch.setenv("DARKROOM_API_KEY", "a-key")
    yield server
    server.close()


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160", "NO_COLOR": "1"})
    return result.exit_code, result.stdout, result.stderr


def test_a_task_in_the_queue_shows_its_place_as_an_estimate(server: Server) -> None:
    server.says(Say(200, task(queue={"position_estimate": 3})))
    code, out, _ = run("status", "a")
    assert code == 0
    assert "queued, about 3 before it" in out


def test_a_task_that_failed_shows_why(server: Server) -> None:
    server.says(Say(200, task("failed", error=ERROR)))
    code, out, _ = run("status", "a")
    assert code == 0
    assert "failed (out_of_memory)" in out
    assert "the GPU is too small" in out


def test_a_task_as_json_has_all_that_is_known(server: Server) -> None:
    server.says(Say(200, task("running", progress=40)))
    shown = json.loads(run("status", "a", "--json")[1])
    assert (shown["status"], shown["progress"]) == ("running", 40)


def test_what_a_task_says_cannot_steer_the_terminal(server: Server) -> None:
    server.says(Say(200, task("failed", error={**ERROR, "message": "\x1b[2J[bold]gone"})))
    out = run("status", "a")[1]
    assert "\x1b" not in out
    assert "[bold]gone" in out


def test_an_unknown_task_is_told_as_such(server: Server) -> None:
    server.says(Say(404, refusal("not_found", "there is no task a")))
    code, out, err = run("status", "a")
    assert (code, out) == (1, "")
    assert "there is no task a" in err


def test_waiting_ends_with_the_task_and_saves_its_outputs(server: Server, tmp_path: Path) -> None:
    image = {"s3": "s3://out/output/a/a-1.png", "url": f"{server.url}/bucket/a-1.png"}
    server.says(Say(200, task("running")), Say(200, task("succeeded", images=[image])), Say(200, b"picture"))
    code, out, _ = run("wait", "a", "-o", str(tmp_path / "out"))
    assert code == 0
    assert "succeeded" in out
    assert (tmp_path / "out" / "a-1.png").read_bytes() == b"picture"


def test_outputs_that_cannot_be_written_are_the_users_to_mend(server: Server, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    image = {"s3": "s3://out/output/a/a-1.png", "url": f"{server.url}/bucket/a-1.png"}
    server.says(Say(200, task("succeeded", images=[image])), Say(200, b"picture"))
    code, _, err = run("wait", "a", "-o", str(tmp_path / "out"))
    assert code == 2
    assert f"--out: {tmp_path / 'out'} cannot be written: File exists" in err


def test_waiting_for_a_task_that_fails_fails(server: Server) -> None:
    server.says(Say(200, task("failed", error=ERROR)))
    code, out, err = run("wait", "a")
    assert code == 1
    assert "out_of_memory" in out
    assert "out_of_memory" in err


def test_waiting_may_have_an_end(server: Server) -> None:
    server.says(Say(200, task("running")))
    code, _, err = run("wait", "a", "--timeout", "0.2")
    assert code == 1
    assert "has not ended in 0.2 s" in err


def test_a_running_task_is_cancelled_a_little_later(server: Server) -> None:
    server.says(Say(202, task("running")))
    code, _, err = run("cancel", "a")
    assert code == 0
    assert "being interrupted" in err
    assert server.asked() == ["DELETE /v1alpha2/tasks/a"]


def test_what_has_ended_is_not_cancelled(server: Server) -> None:
    server.says(Say(409, refusal("conflict", "it has ended")))
    code, _, err = run("cancel", "a")
    assert code == 1
    assert "it has ended" in err


def test_a_list_stops_where_it_is_told(server: Server) -> None:
    def pages(seen: Seen) -> Say:
        start = int(seen.query.get("cursor", 0))
        tasks = [task(id=f"t{start + number}") for number in range(int(seen.query["limit"]))]
        return Say(200, {"tasks": tasks, "cursor": str(start + len(tasks))})

    server.script = pages
    shown = json.loads(run("list", "-n", "150", "--status", "failed", "--json")[1])
    assert [one["id"] for one in shown] == [f"t{number}" for number in range(150)]
    assert [seen.query["limit"] for seen in server.seen] == ["100", "100"]
    assert {seen.query["status"] for seen in server.seen} == {"failed"}


def test_a_list_is_a_table(server: Server) -> None:
    tasks = [task("failed", id="a[b]c", error=ERROR), task("running", id="b", progress=12)]
    server.says(Say(200, {"tasks": tasks, "cursor": None}))
    _, out, _ = run("list")
    assert "a[b]c" in out
    assert "running, 12 %" in out


def test_an_empty_list_is_not_an_error(server: Server) -> None:
    server.says(Say(200, {"tasks": [], "cursor": None}))
    code, out, err = run("list")
    assert (code, out) == (0, "")
    assert "no tasks yet" in err


def test_options_come_before_the_environment(server: Server) -> None:
    server.says(Say(200, task()))
    code, _, _ = run("status", "a", "--endpoint", f"{server.url}/other/", "--api-key", "another")
    assert code == 0
    assert [(seen.path, seen.headers["x-api-key"]) for seen in server.seen] == [
        ("/other/v1alpha2/tasks/a", "another")
    ]


class Aws:
    """CloudFormation and API Gateway with one stack."""

    def __init__(self, outputs: dict[str, str]) -> None:
        self.outputs = outputs
        self.regions: list[str | None] = []

    def client(self, _service: str, region: str | None) -> Any:
        self.regions.append(region)
        return self

    def describe_stacks(self, *, StackName: str) -> Any:  # noqa: N803 - AWS's names
        if StackName != "sdStack":
            said = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": said}}, "DescribeStacks")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        return {"Stacks": [{"StackName": StackName, "StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}

    def get_api_key(self, *, apiKey: str, includeValue: bool) -> Any:  # noqa: N803 - the same
        return {"value": f"value of {apiKey}"}


OUTPUTS = {"FrontApiEndpoint": "https://api.example.org/prod/", "ApiKeyId": "k1"}


def of_stack(aws: Aws, name: str, tmp_path: Path) -> Connection:
    return connection(Target(stack=name, region="r"), environ={}, home=Home(tmp_path), clients=aws.client)


def test_a_stack_tells_its_endpoint_and_key(tmp_path: Path) -> None:
    aws = Aws(OUTPUTS)
    assert of_stack(aws, "sdStack", tmp_path) == Connection("https://api.example.org/prod/", "value of k1")
    assert set(aws.regions) == {"r"}


def test_a_stack_that_is_not_there_or_another_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadRequestOptionError, match="--stack-name: there is no stack other"):
        of_stack(Aws(OUTPUTS), "other", tmp_path)
    with pytest.raises(BadRequestOptionError, match="not a dispatch stack"):
        of_stack(Aws({}), "sdStack", tmp_path)


@pytest.mark.parametrize("name", ["sd", "sdStack"])
def test_a_stack_may_be_named_as_in_the_configuration(tmp_path: Path, name: str) -> None:
    assert of_stack(Aws(OUTPUTS), name, tmp_path).api_key == "value of k1"


class Throttling(Aws):
    """The same where CloudFormation is asked too often."""

    def describe_stacks(self, *, StackName: str) -> Any:  # noqa: N803 - AWS's names
        said = f"Rate exceeded: {StackName}"
        raise ClientError({"Error": {"Code": "Throttling", "Message": said}}, "DescribeStacks")


def test_what_is_no_missing_stack_is_told_of_the_stack_that_was_named(tmp_path: Path) -> None:
    with pytest.raises(NoAnswerError, match=r"^sd: .*Rate exceeded: sd\. Are"):
        of_stack(Throttling(OUTPUTS), "sd", tmp_path)


class CutOff(Aws):
    """The same where the answer is not whole."""

    def describe_stacks(self, *, StackName: str) -> Any:  # noqa: N803 - AWS's names
        raise ResponseParserError(f"invalid XML received: {StackName}")


def test_an_answer_that_was_cut_off_is_one_that_aws_did_not_give(tmp_path: Path) -> None:
    with pytest.raises(NoAnswerError, match="invalid XML"):
        of_stack(CutOff(OUTPUTS), "sd", tmp_path)


def test_an_endpoint_that_is_named_comes_before_a_stack_of_the_environment(tmp_path: Path) -> None:
    environ = {
        "DARKROOM_STACK_NAME": "sd",
        "DARKROOM_API_KEY": "k",
        "DARKROOM_ENDPOINT": "https://e.example/",
    }
    aws = Aws(OUTPUTS)
    found = [
        connection(target, environ=given, home=Home(tmp_path), clients=aws.client)
        for target, given in (
            (Target(), environ),
            (Target("https://other.example/", "k2"), {"DARKROOM_STACK_NAME": "sd"}),
            (Target(), {"DARKROOM_STACK_NAME": "sd"}),
        )
    ]
    assert [one.api_key for one in found] == ["k", "k2", "value of k1"]


def picture(server: Server, name: str) -> dict[str, str]:
    return {"s3": f"s3://out/output/a/{name}", "url": f"{server.url}/bucket/{name}"}


def script(server: Server, shown: dict[str, Any]) -> None:
    """Let the API take uploads and a task which it shows like this."""

    def answer(seen: Seen) -> Say:
        if seen.method == "PUT" or seen.path.startswith("/bucket/"):
            return Say(200, b"picture")
        if seen.method == "POST":
            return Say(200, upload(server) if seen.path.endswith("/uploads") else ACCEPTED)
        return Say(200, {**shown, "id": seen.path.rpartition("/")[2]})

    server.script = answer


def test_submitting_elsewhere_uploads_waits_and_saves_by_the_api_alone(
    server: Server, tmp_path: Path
) -> None:
    script(server, task("succeeded", images=[picture(server, "a-1.png"), picture(server, "a-2.png")]))
    Image.new("RGB", (16, 16)).save(tmp_path / "cat.png")
    out = tmp_path / "o" / "out.png"
    code, said, err = run("submit", "in winter", "--image", str(tmp_path / "cat.png"), "-o", str(out))
    assert (code, said.split()) == (0, [str(out), str(out.with_name("out-2.png"))]), err
    assert out.read_bytes() == b"picture"
    assert [path.name for path in sorted(out.parent.iterdir())] == ["out-2.png", "out.png"]
    [posted] = [seen.body for seen in server.seen if seen.path == "/v1alpha2"]
    assert posted["task"]["content"]["init_images"] == [upload(server)["reference"]]


def test_submitting_elsewhere_without_waiting_prints_the_answer(server: Server) -> None:
    script(server, task())
    code, said, _ = run("submit", "a dog", "--no-wait")
    assert (code, json.loads(said)["output_location"]) == (0, "s3://out/output/a")


def test_a_task_that_fails_elsewhere_is_told_with_its_reason(server: Server, tmp_path: Path) -> None:
    script(server, task("failed", error=ERROR))
    code, said, err = run("submit", "a dog", "-o", str(tmp_path / "o.png"))
    assert (code, said) == (1, "")
    assert "out_of_memory: the GPU is too small; the same request may succeed" in err


def test_a_task_that_does_not_end_elsewhere_in_time_is_told(server: Server) -> None:
    script(server, task("running"))
    code, _, err = run("submit", "a dog", "--timeout", "1")
    assert code == 1
    assert "has not ended in 1 s" in err


def test_an_input_that_the_api_refuses_is_told_with_its_limit(server: Server, tmp_path: Path) -> None:
    Image.new("RGB", (16, 16)).save(tmp_path / "cat.png")
    server.says(Say(400, refusal("bad_value", "size: at most 33554432 bytes", "size")))
    code, _, err = run("submit", "in winter", "--image", str(tmp_path / "cat.png"))
    assert code == 1
    assert "at most 33554432 bytes" in err
