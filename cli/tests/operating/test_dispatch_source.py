"""What AWS, as the emulator plays it, tells of a deployment, and the command that says so."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from botocore.parsers import ResponseParserError

from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.operating.doctor.dispatch_source import DispatchSource
from darkroom_cli.operating.doctor.scene import Letters, Queue, Subscription
from darkroom_cli.operating.doctor.visit import doctor, look
from darkroom_cli.operating.errors import AwsError, ProblemsFoundError
from darkroom_cli.operating.system import System, find_system
from darkroom_client import Connection
from darkroom_client.testing import Say, Server
from local.home import Home
from ministack_testing import client
from task_schema import Deployment, RuntimeSpec
from task_store import DynamoTaskStore, NewTask, table_definition

NAME = "sdruntime"


def queue(sqs: Any, name: str, **attributes: str) -> tuple[str, str]:
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


@pytest.fixture
def system(emulator: str, request: pytest.FixtureRequest) -> System:
    """Give a deployment with one runtime, as the dispatch stack makes it."""
    tail = str(abs(hash(request.node.name)) % 10**9)

    @cache
    def aws(service: str) -> Any:
        return client(service, emulator)

    sqs, sns = aws("sqs"), aws("sns")
    _, dead = queue(sqs, f"dead-{tail}")
    _, lost = queue(sqs, f"lost-{tail}")
    url, arn = queue(
        sqs, f"work-{tail}", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 9})
    )
    unrouted, _ = queue(sqs, f"unrouted-{tail}")
    topic = sns.create_topic(Name=f"requests-{tail}")["TopicArn"]
    policies = {"FilterPolicy": {"runtime": [NAME]}, "RedrivePolicy": {"deadLetterTargetArn": lost}}
    attributes = {name: json.dumps(policy) for name, policy in policies.items()}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    aws("dynamodb").create_table(**table_definition(f"tasks-{tail}"))
    return System(
        stack="sdStack",
        stack_status="CREATE_COMPLETE",
        connection=Connection("http://127.0.0.1:9/prod/", "a-key"),
        deployment=Deployment(runtimes=(RuntimeSpec(name=NAME, type="sdwebui", dynamic_model=True),)),
        outputs={
            "TasksTable": f"tasks-{tail}",
            "sdNotificationLambdaARN": topic,
            "UnroutedQueueUrl": unrouted,
        },
        queues={NAME: url},
        aws=aws,
    )


def test_numbers_of_the_queue_are_what_is_in_it(system: System) -> None:
    sqs = system.aws("sqs")
    for _ in range(3):
        sqs.send_message(QueueUrl=system.queues[NAME], MessageBody="m")
    sqs.receive_message(QueueUrl=system.queues[NAME])
    assert DispatchSource(system).queue(NAME) == Queue(2, 1, None)


def test_the_filter_of_a_runtime_is_read(system: System) -> None:
    assert DispatchSource(system).subscription(NAME) == Subscription((NAME,), confirmed=True)


def test_a_queue_without_a_subscription_is_seen(system: System) -> None:
    sns = system.aws("sns")
    topic = system.outputs["sdNotificationLambdaARN"]
    for one in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
    assert DispatchSource(system).subscription(NAME) is None
    [lane] = look(system, task_id=None, runtimes=(), kubernetes=None).lanes
    assert lane.subscribed is False


def test_every_place_of_dead_letters_is_counted(system: System) -> None:
    sqs = system.aws("sqs")
    places = {kind: queue_name(sqs, kind, system) for kind in ("dead", "lost", "unrouted")}
    for count, url in enumerate(places.values(), 1):
        for _ in range(count):
            sqs.send_message(QueueUrl=url, MessageBody="m")
    assert [(one.kind, one.count) for one in DispatchSource(system).letters([NAME])] == [
        ("dead-letters", 1),
        ("undelivered", 2),
        ("unrouted", 3),
    ]
    assert all(isinstance(one, Letters) for one in DispatchSource(system).letters([NAME]))


def test_letters_of_a_runtime_that_was_not_asked_for_are_not_told(system: System) -> None:
    assert [one.kind for one in DispatchSource(system).letters([])] == ["unrouted"]


def test_a_runtime_that_the_outputs_do_not_name_yet_hides_no_other(system: System) -> None:
    """In the middle of a deployment the functions know a new runtime before the stack's outputs do."""
    new = RuntimeSpec(name="new", type="comfyui")
    deployment = Deployment(runtimes=(*system.deployment.runtimes, new))
    seen = look(replace(system, deployment=deployment), task_id=None, runtimes=(), kubernetes=None)
    assert [(lane.name, lane.queue is None) for lane in seen.lanes] == [(NAME, False), ("new", True)]
    assert "the queue of new" in {blind.what for blind in seen.blind}


def test_a_new_runtime_hides_no_missing_subscription_of_another(system: System) -> None:
    topic = system.outputs["sdNotificationLambdaARN"]
    for one in system.aws("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
        system.aws("sns").unsubscribe(SubscriptionArn=one["SubscriptionArn"])
    new = RuntimeSpec(name="new", type="comfyui")
    deployment = Deployment(runtimes=(new, *system.deployment.runtimes))
    seen = look(replace(system, deployment=deployment), task_id=None, runtimes=(), kubernetes=None)
    assert [(lane.name, lane.subscribed) for lane in seen.lanes] == [("new", None), (NAME, False)]


def queue_name(sqs: Any, kind: str, system: System) -> str:
    tail = system.outputs["TasksTable"].partition("-")[2]
    url: str = sqs.get_queue_url(QueueName=f"{kind}-{tail}")["QueueUrl"]
    return url


def test_an_api_that_is_not_there_is_an_answer_too(system: System) -> None:
    answer = DispatchSource(system).api()
    assert answer.status is None
    assert "ConnectError" in answer.error


def test_the_spot_role_is_there_or_not(system: System) -> None:
    source = DispatchSource(system)
    assert source.spot_role() is False
    system.aws("iam").create_role(RoleName="AWSServiceRoleForEC2Spot", AssumeRolePolicyDocument="{}")
    assert source.spot_role() is True
    system.aws("iam").delete_role(RoleName="AWSServiceRoleForEC2Spot")


def test_what_cannot_be_looked_at_hides_nothing_else(system: System) -> None:
    blinded = replace(system, outputs={**system.outputs, "TasksTable": "gone"})
    seen = look(blinded, task_id="t1", runtimes=(), kubernetes=None)
    what = {blind.what for blind in seen.blind}
    assert {"the tasks table", "the cluster"} <= what
    assert seen.lanes[0].queue == Queue(0, 0)


def test_doctor_prints_its_findings_and_fails(system: System, spoken: Any) -> None:
    server = Server()
    server.script = lambda _: Say(404, {"kind": "Status"})
    with pytest.raises(ProblemsFoundError, match="problems found in sdStack") as failed:
        doctor(system, task_id="nobody", runtimes=(), kubernetes=server.url, terminal=spoken.terminal)
    server.close()
    assert failed.value.exit_code == 1
    said = spoken.out.getvalue()
    for code in ("task-unknown", "api-unreachable", "keda-down", "karpenter-down", "deployment-missing"):
        assert f"docs/operate/troubleshooting.md#{code}" in said
    assert said.index("problem: ") < said.index("note: ")


def test_doctor_speaks_json_too(system: System, spoken: Any) -> None:
    with pytest.raises(ProblemsFoundError):
        doctor(
            system, task_id=None, runtimes=(NAME,), kubernetes=None, terminal=spoken.terminal, as_json=True
        )
    told = json.loads(spoken.out.getvalue())
    assert {"code", "severity", "where", "what", "do", "page"} == set(told[0])
    assert "cluster-unreachable" in {one["code"] for one in told}


def test_a_task_is_looked_for_in_its_own_runtimes_lane_only(system: System) -> None:
    other = RuntimeSpec(name="other", type="comfyui")
    both = replace(
        system,
        deployment=Deployment(runtimes=(*system.deployment.runtimes, other)),
        queues={**system.queues, "other": system.queues[NAME]},
    )
    new = NewTask(
        id="t1",
        submission="s",
        runtime=NAME,
        tasktype="text-to-image",
        prefix="output",
        api_version="v1alpha2",
        body_hash="h",
    )
    DynamoTaskStore(system.aws("dynamodb"), system.outputs["TasksTable"]).record(new, now=1)
    seen = look(both, task_id="t1", runtimes=(), kubernetes=None)
    assert seen.task is not None, seen.blind
    assert [lane.name for lane in seen.lanes] == [NAME]


class Stacks:
    """CloudFormation, API Gateway and Lambda with one stack."""

    def __init__(self, outputs: dict[str, str], runtimes: str) -> None:
        self.outputs = outputs
        self.runtimes = runtimes

    def __call__(self, service: str, region: str | None) -> Any:
        return self

    def describe_stacks(self, *, StackName: str) -> Any:  # noqa: N803 - AWS's names
        from botocore.exceptions import ClientError

        if StackName != "sdStack":
            raise ClientError(
                {
                    "Error": {
                        "Code": "ValidationError",
                        "Message": f"Stack with id {StackName} does not exist",
                    }
                },
                "DescribeStacks",
            )
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        return {"Stacks": [{"StackName": StackName, "StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}

    def get_api_key(self, *, apiKey: str, includeValue: bool) -> Any:  # noqa: N803 - the same
        return {"value": f"value of {apiKey}"}

    def get_function_configuration(self, *, FunctionName: str) -> Any:  # noqa: N803 - the same
        return {"Environment": {"Variables": {"RUNTIMES": self.runtimes}}}


OUTPUTS = {
    "FrontApiEndpoint": "https://api.example.org/prod/",
    "ApiKeyId": "k1",
    "TasksTable": "tasks",
    "RuntimeQueues": '{"sdruntime": "https://sqs/1/work"}',
    "UnroutedQueueUrl": "https://sqs/1/unrouted",
    "ValidatorFunctionName": "validator",
    "sdNotificationLambdaARN": "arn:aws:sns:r:1:requests",
}
RUNTIMES = '[{"name":"sdruntime","type":"sdwebui","modelFilename":"a.safetensors"}]'


@pytest.mark.parametrize("name", ["sd", "sdStack"])
def test_a_stack_tells_endpoint_key_runtimes_and_queues(tmp_path: Any, name: str) -> None:
    found = find_system(name, "r", home=Home(tmp_path), clients=Stacks(OUTPUTS, RUNTIMES))
    assert (found.stack, found.base, found.name) == ("sdStack", "sd", "sdStack")
    assert found.connection == Connection("https://api.example.org/prod/", "value of k1")
    assert [(spec.name, spec.model_filename) for spec in found.deployment.runtimes] == [
        (NAME, "a.safetensors")
    ]
    assert found.queues == {NAME: "https://sqs/1/work"}


def test_a_stack_that_is_missing_or_none_of_ours_is_told(tmp_path: Any) -> None:
    home = Home(tmp_path)
    with pytest.raises(BadRequestOptionError, match="there is no stack nowhere in this account and region"):
        find_system("nowhere", None, home=home, clients=Stacks(OUTPUTS, RUNTIMES))
    with pytest.raises(BadRequestOptionError, match="has no output FrontApiEndpoint"):
        find_system("sdStack", None, home=home, clients=Stacks({}, RUNTIMES))
    with pytest.raises(BadRequestOptionError, match="--region goes with --stack-name"):
        find_system(None, "r", home=home)


class Broken(Stacks):
    """The same where AWS' answer is not whole."""

    def describe_stacks(self, *, StackName: str) -> Any:  # noqa: N803 - AWS's names
        raise ResponseParserError(f"invalid XML received: {StackName}")


def test_what_cannot_be_read_of_a_stack_is_told(tmp_path: Any) -> None:
    unreadable = (
        (Stacks(OUTPUTS, "{"), "the variable RUNTIMES cannot be read"),
        (Stacks(OUTPUTS | {"RuntimeQueues": "{"}, RUNTIMES), "the output RuntimeQueues cannot be read"),
        (Broken(OUTPUTS, RUNTIMES), "sdStack: AWS does not do what was asked: invalid XML"),
    )
    for clients, words in unreadable:
        with pytest.raises(AwsError, match=words):
            find_system("sdStack", None, home=Home(tmp_path), clients=clients)
