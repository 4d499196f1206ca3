"""What a console looks at, from what AWS says of a stack."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ProfileNotFound

from console.errors import SettingsError
from console.stack import sources_of_stack

KEY = "s3cret-k3y"
QUEUES = {"sdruntime": "https://sqs/1/sd", "comfy": "https://sqs/1/comfy", "any": "https://sqs/1/any"}
OUTPUTS = {
    "FrontApiEndpoint": "https://x.execute-api.eu-central-1.amazonaws.com/prod/",
    "ApiKeyId": "key-id",
    "RuntimeQueues": json.dumps(QUEUES),
    "ValidatorFunctionName": "validator",
    "UnroutedQueueUrl": "https://sqs/1/unrouted",
    "TasksTable": "tasks",
    "PayloadBucket": "payloads",
}
RUNTIMES = json.dumps(
    [
        {"name": "sdruntime", "type": "sdwebui", "modelFilename": "v1-5.safetensors"},
        {"name": "comfy", "type": "comfyui"},
        {"name": "any", "type": "sdwebui", "dynamicModel": True},
        {"name": "own", "type": "mine", "taskTypes": ["a-task"]},
    ]
)


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


class Aws:
    """An account with one stack."""

    def __init__(self, outputs: dict[str, str] = OUTPUTS, runtimes: str | None = RUNTIMES) -> None:
        self.outputs = outputs
        self.runtimes = runtimes
        self.refuses: Exception | None = None
        self.regions: set[str | None] = set()

    def __call__(self, service: str, region: str | None) -> Any:
        self.regions.add(region)
        return SimpleNamespace(
            meta=SimpleNamespace(region_name=region or "us-east-1"),
            describe_stacks=self._told(self._describe),
            get_api_key=self._told(lambda **asked: {"value": KEY} if asked["includeValue"] else {}),
            get_function_configuration=self._told(lambda **_: self._function()),
        )

    def _told(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(**asked: Any) -> Any:
            if self.refuses is not None:
                raise self.refuses
            return method(**asked)

        return call

    def _describe(self, StackName: str) -> Any:  # noqa: N803 - AWS' name
        if StackName != "sdoneksStack":
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        return {"Stacks": [{"StackName": StackName, "StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}

    def _function(self) -> Any:
        return {"Environment": {"Variables": {"RUNTIMES": self.runtimes}}} if self.runtimes else {}


@pytest.mark.parametrize("name", ["sdoneks", "sdoneksStack"])
def test_a_stack_tells_all_that_a_console_looks_at(name: str) -> None:
    aws = Aws()
    sources = sources_of_stack(name, "eu-central-1", clients=aws)
    assert sources.mode == "stack"
    assert sources.endpoint == OUTPUTS["FrontApiEndpoint"]
    assert sources.api_key.get_secret_value() == KEY
    assert (sources.tasks_table, sources.payload_bucket) == ("tasks", "payloads")
    assert sources.unrouted_queue_url == "https://sqs/1/unrouted"
    assert sources.aws is not None
    assert (sources.aws.region, sources.aws.endpoint_url) == ("eu-central-1", None)
    assert sources.traces_url is None
    assert aws.regions == {"eu-central-1"}


def test_runtimes_are_those_that_the_validator_knows() -> None:
    runtimes = {one.name: one for one in sources_of_stack("sdoneks", clients=Aws()).runtimes}
    assert [(one.type, one.queue_url) for one in runtimes.values()] == [
        ("sdwebui", "https://sqs/1/sd"),
        ("comfyui", "https://sqs/1/comfy"),
        ("sdwebui", "https://sqs/1/any"),
        ("mine", None),
    ]
    assert "text-to-image" in runtimes["sdruntime"].tasktypes
    assert runtimes["own"].tasktypes == ("a-task",)
    assert runtimes["sdruntime"].models == ("v1-5.safetensors",)
    assert runtimes["comfy"].models == ()
    assert runtimes["any"].models == ("v1-5.safetensors",)


def test_the_region_is_that_of_the_users_configuration_where_none_is_named() -> None:
    sources = sources_of_stack("sdoneks", clients=Aws())
    assert sources.aws is not None
    assert sources.aws.region == "us-east-1"


def test_a_stack_of_an_older_version_lacks_what_it_lacks() -> None:
    outputs = {key: value for key, value in OUTPUTS.items() if key not in {"TasksTable", "PayloadBucket"}}
    assert sources_of_stack("sdoneks", clients=Aws(outputs)).tasks_table is None


def refused(aws: Aws, stack: str = "sdoneks") -> str:
    with pytest.raises(SettingsError) as caught:
        sources_of_stack(stack, clients=aws)
    assert KEY not in str(caught.value)
    return str(caught.value)


def test_a_stack_that_there_is_not_is_told() -> None:
    assert "there is no stack other in this account" in refused(Aws(), "other")


def test_a_stack_of_something_else_is_told() -> None:
    assert "no output FrontApiEndpoint" in refused(Aws({"Bucket": "b"}))


@pytest.mark.parametrize("runtimes", [None, "", "{", "{}x", "[1]", '[{"name": "a"}]', "1"])
def test_runtimes_that_cannot_be_read_are_told(runtimes: str | None) -> None:
    assert "another version" in refused(Aws(runtimes=runtimes))


@pytest.mark.parametrize("queues", ["", "[]", "{", '{"sdruntime": 1}'])
def test_queues_that_cannot_be_read_are_told(queues: str) -> None:
    assert "another version" in refused(Aws({**OUTPUTS, "RuntimeQueues": queues}))


@pytest.mark.parametrize(
    "case",
    [
        (NoCredentialsError(), "AWS_PROFILE"),
        (ProfileNotFound(profile="p"), "p"),
        (refusal("AccessDenied", "not authorized"), "--endpoint"),
    ],
)
def test_what_aws_refuses_is_told_with_what_to_do(case: tuple[Exception, str]) -> None:
    error, words = case
    aws = Aws()
    aws.refuses = error
    assert words in refused(aws)
