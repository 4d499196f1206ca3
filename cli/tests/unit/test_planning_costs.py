import json
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from darkroom_cli.invocation import Invocation
from darkroom_cli.planning_costs import Records, count, show
from darkroom_cli.terminal import Terminal
from local.home import Home
from planning.errors import OptionError, RecordsError
from task_schema import Status
from task_store import DynamoTaskStore, NewTask, Outcome, table_definition

TABLE, BUCKET, REGION = "tasks", "bucket", "us-east-1"


class Stack:
    """Clients of one stack: its table and bucket are moto's, its outputs are made up."""

    def __init__(self, outputs: list[dict[str, str]]) -> None:
        self._outputs = outputs

    def __call__(self, service: str, region: str | None) -> Any:
        return self if service == "cloudformation" else boto3.client(service, region_name=region)

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's own name
        assert StackName == "s"
        return {"Stacks": [{"StackName": "s", "StackStatus": "CREATE_COMPLETE", "Outputs": self._outputs}]}


STACK = Stack([{"OutputKey": "TasksTable", "OutputValue": TABLE}])
RECORDS = Records("s", REGION, ("sdruntime",), 7, 100)


@pytest.fixture
def call(tmp_path: Path) -> Invocation:
    return Invocation(Home(tmp_path), Terminal(), verbose=False)


@pytest.fixture
def _tasks(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        dynamodb, s3 = boto3.client("dynamodb", region_name=REGION), boto3.client("s3", region_name=REGION)
        dynamodb.create_table(**table_definition(TABLE))
        s3.create_bucket(Bucket=BUCKET)
        store, now = DynamoTaskStore(dynamodb, TABLE), int(time.time() * 1000)
        for name, seconds in (("a", 2.0), ("b", 4.0)):
            new = NewTask(
                id=name, submission=name, runtime="sdruntime", tasktype="text-to-image", prefix="p",
                api_version="v1alpha2", body_hash=name, published_at=now,
            )  # fmt: skip
            store.record(new, now=now)
            store.claim(name, name, token="t", lease_until=now + 60_000, now=now)
            url = f"s3://{BUCKET}/{name}.out"
            body = {"images": ["s3://b/1", "s3://b/2"], "darkroom": {"gpu_seconds": seconds}}
            s3.put_object(Bucket=BUCKET, Key=f"{name}.out", Body=json.dumps(body))
            outcome = Outcome(status=Status.SUCCEEDED, event_id=name, notification="{}", output_url=url)
            store.commit(name, name, "t", outcome, now=now + 10)
        yield


@pytest.mark.usefixtures("_tasks")
def test_real_tasks_of_a_stack_are_counted_by_its_table_and_outputs(call: Invocation) -> None:
    usage = count(RECORDS, call, clients=STACK)
    assert (usage.succeeded, usage.images, usage.gpu_seconds) == (2, 4, 6.0)


@pytest.mark.usefixtures("_tasks")
def test_an_estimate_of_real_tasks_has_their_images_and_gpu_seconds(
    call: Invocation, capsys: pytest.CaptureFixture[str]
) -> None:
    show({}, None, call, records=RECORDS, guide=False, explain=False, as_json=True, clients=STACK)
    found = json.loads(capsys.readouterr().out)
    assert found["images"] == 4
    assert found["lines"][0]["quantity"] == pytest.approx(6 / 3600)
    assert found["actual"]["tasks"] == {"succeeded": 2}


@pytest.mark.parametrize("outputs", [[], [{"OutputKey": "Topic", "OutputValue": "t"}]])
def test_a_stack_without_a_table_is_none_of_ours(call: Invocation, outputs: list[dict[str, str]]) -> None:
    with pytest.raises(OptionError, match="--stack-name"):
        count(RECORDS, call, clients=Stack(outputs))


@pytest.mark.usefixtures("_tasks")
def test_outputs_that_cannot_be_read_are_told(call: Invocation, capsys: pytest.CaptureFixture[str]) -> None:
    s3 = boto3.client("s3", region_name=REGION)
    s3.delete_object(Bucket=BUCKET, Key="a.out")
    show({}, None, call, records=RECORDS, guide=False, explain=False, as_json=False, clients=STACK)
    assert "1 outputs could not be read" in capsys.readouterr().err
    s3.delete_object(Bucket=BUCKET, Key="b.out")
    with pytest.raises(RecordsError, match="2 that could not be read"):
        show({}, None, call, records=RECORDS, guide=False, explain=False, as_json=False, clients=STACK)


@pytest.mark.usefixtures("_tasks")
def test_no_task_is_no_estimate(call: Invocation) -> None:
    other = Records("s", REGION, ("comfyruntime",), 7, 100)
    with pytest.raises(RecordsError, match="0 tasks"):
        show({}, None, call, records=other, guide=False, explain=False, as_json=False, clients=STACK)
