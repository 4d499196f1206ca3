from pathlib import Path
from typing import Any

import pytest
import yaml

from darkroom_cli.deploying.configuration import NEW
from darkroom_cli.deploying.destroy import Removal, destroy
from darkroom_cli.deploying.errors import DeclinedError, PreconditionsError, StepError
from darkroom_cli.deploying.ports import Ran
from darkroom_cli.deploying.testing import Account


@pytest.fixture
def deployed(account: Account) -> Account:
    """A deployment with a queue, an output bucket, and the CDK's command line."""
    account.programs_work()
    account.runner.effects["npm ci"]()
    account.deployed()
    (account.root / "config.yaml").write_text(NEW.replace("sdoneks-models", "my-models"))
    account.cloudformation.holds("sdoneksStack", "AWS::S3::Bucket", "the-outputs")
    queue = account.clients["sqs"].create_queue(QueueName="sdruntime")["QueueUrl"]
    account.cloudformation.holds("sdoneksStack", "AWS::SQS::Queue", queue)
    account.runner.effects["destroy --all"] = account.cloudformation.stacks.clear
    account.operations.clear()
    return account


def removal(account: Account, **more: Any) -> Removal:
    return Removal(**({"config": account.root / "config.yaml"} | more))


def send(account: Account) -> None:
    url = account.cloudformation.resources["sdoneksStack"][-1]["PhysicalResourceId"]
    account.clients["sqs"].send_message(QueueUrl=url, MessageBody="{}")
    account.operations.clear()


def test_runtimes_go_first_then_the_rest_and_buckets_stay(deployed: Account) -> None:
    deployed.make_bucket("the-outputs", "output/a.png")
    deployed.make_bucket("my-models", "Stable-diffusion/a.safetensors")
    destroy(removal(deployed, yes=True), deployed.world)
    assert deployed.cloudformation.deleted == ["sdoneksRuntime-sdruntime"]
    assert deployed.runner.ran("cdk destroy --all --force") == 1
    assert deployed.cloudformation.stacks == {}
    kept = deployed.out.getvalue()
    assert "aws s3 rb s3://the-outputs --force" in kept
    assert "aws s3 rb s3://my-models --force" in kept
    assert [one["Name"] for one in deployed.clients["s3"].list_buckets()["Buckets"]] == [
        "the-outputs",
        "my-models",
    ]


def test_the_name_has_to_be_typed(deployed: Account) -> None:
    deployed.user.answers = ["sdoneks"]
    destroy(removal(deployed), deployed.world)
    assert "(sdoneks)" in deployed.user.questions[0]
    assert deployed.cloudformation.stacks == {}


@pytest.mark.parametrize("answer", ["y", "yes", "", "SDONEKS", None])
def test_anything_else_removes_nothing(answer: str | None, deployed: Account) -> None:
    deployed.user.answers = [answer]
    with pytest.raises(DeclinedError, match="nothing was removed"):
        destroy(removal(deployed), deployed.world)
    assert deployed.written == []


def test_waiting_tasks_are_not_lost_unasked(deployed: Account) -> None:
    send(deployed)
    with pytest.raises(StepError, match=r"sdruntime \(1\).*--force"):
        destroy(removal(deployed, yes=True), deployed.world)
    assert deployed.written == []


def test_events_that_wait_for_karpenter_are_nobodys_tasks(deployed: Account) -> None:
    events = deployed.clients["sqs"].create_queue(QueueName="karpenter")["QueueUrl"]
    deployed.cloudformation.holds("sdoneksClusterStack", "AWS::SQS::Queue", events)
    deployed.clients["sqs"].send_message(QueueUrl=events, MessageBody="{}")
    destroy(removal(deployed, yes=True), deployed.world)
    assert deployed.cloudformation.stacks == {}


def test_a_stack_of_another_deployment_that_the_file_names_stops_it(deployed: Account) -> None:
    deployed.cloudformation.add("sdoneksRuntime-sdruntime", owner="other")
    with pytest.raises(StepError, match="belongs to the deployment other"):
        destroy(removal(deployed, yes=True), deployed.world)
    assert deployed.written == []


def test_the_bucket_of_a_file_that_nobody_filled_in_is_not_named_for_deletion(deployed: Account) -> None:
    (deployed.root / "config.yaml").write_text(NEW)
    destroy(removal(deployed, yes=True), deployed.world)
    assert "s3://sdoneks-models" not in deployed.out.getvalue()
    assert "s3://the-outputs" in deployed.out.getvalue()


def test_a_deployment_whose_file_is_lost_is_removed_by_its_name(account: Account) -> None:
    account.programs_work()
    account.deployed("studio")
    account.runner.effects["destroy --all"] = account.cloudformation.stacks.clear
    destroy(removal(account, yes=True, stack_name="studio"), account.world)
    assert account.cloudformation.deleted == ["studioRuntime-sdruntime"]
    assert account.cloudformation.stacks == {}


def test_force_loses_waiting_tasks_and_says_so(deployed: Account) -> None:
    send(deployed)
    destroy(removal(deployed, yes=True, force=True), deployed.world)
    assert "they are lost" in deployed.err.getvalue()
    assert deployed.cloudformation.stacks == {}


def test_the_stack_of_a_runtime_that_the_file_has_forgotten_goes_too(deployed: Account) -> None:
    deployed.cloudformation.add("sdoneksRuntime-old")
    destroy(removal(deployed, yes=True), deployed.world)
    assert sorted(deployed.cloudformation.deleted) == ["sdoneksRuntime-old", "sdoneksRuntime-sdruntime"]


def test_stacks_of_another_deployment_stay(deployed: Account) -> None:
    deployed.cloudformation.add("sdoneksRuntime-x", owner="other")
    destroy(removal(deployed, yes=True), deployed.world)
    assert "sdoneksRuntime-x" not in deployed.cloudformation.deleted


def start_node(account: Account) -> str:
    tags = [
        {"Key": "karpenter.sh/nodepool", "Value": "sdruntime"},
        {"Key": "eks:eks-cluster-name", "Value": "sdoneksStack"},
    ]
    ec2 = account.clients["ec2"]
    image = ec2.register_image(Name="bottlerocket")["ImageId"]
    [made] = ec2.run_instances(
        ImageId=image,
        InstanceType="g5.xlarge",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )["Instances"]
    account.operations.clear()
    return str(made["InstanceId"])


def test_nodes_that_karpenter_does_not_end_stop_it_before_karpenter_goes(deployed: Account) -> None:
    node = start_node(deployed)
    with pytest.raises(StepError, match=node):
        destroy(removal(deployed, yes=True), deployed.world)
    assert deployed.runner.ran("cdk destroy") == 0
    deployed.clients["ec2"].terminate_instances(InstanceIds=[node])
    destroy(removal(deployed, yes=True), deployed.world)
    assert deployed.cloudformation.stacks == {}


def test_a_stack_that_cannot_be_removed_is_named(deployed: Account) -> None:
    deployed.cloudformation.script["sdoneksRuntime-sdruntime"] = ["DELETE_IN_PROGRESS", "DELETE_FAILED"]
    with pytest.raises(StepError, match="sdoneksRuntime-sdruntime cannot be removed"):
        destroy(removal(deployed, yes=True), deployed.world)


def test_after_a_failure_the_same_command_goes_on(deployed: Account) -> None:
    deployed.runner.answers["destroy --all"] = Ran(1)
    effect = deployed.runner.effects.pop("destroy --all")
    with pytest.raises(StepError, match="cdk destroy ended with 1"):
        destroy(removal(deployed, yes=True), deployed.world)
    del deployed.runner.answers["destroy --all"]
    deployed.runner.effects["destroy --all"] = effect
    destroy(removal(deployed, yes=True), deployed.world)
    assert deployed.cloudformation.stacks == {}


def test_where_nothing_is_deployed_it_says_what_stays(account: Account) -> None:
    destroy(removal(account, yes=True), account.world)
    assert "no stack of sdoneks" in account.err.getvalue()
    assert account.written == []


def test_the_name_on_the_command_line_has_to_be_that_of_the_file(deployed: Account) -> None:
    with pytest.raises(StepError, match="not of other"):
        destroy(removal(deployed, yes=True, stack_name="other"), deployed.world)
    assert deployed.written == []


def test_without_node_nothing_is_removed(deployed: Account) -> None:
    deployed.runner.missing.add("node")
    with pytest.raises(PreconditionsError, match=r"Node\.js"):
        destroy(removal(deployed, yes=True), deployed.world)
    assert deployed.written == []


def test_snapshots_are_named(deployed: Account) -> None:
    made = deployed.make_snapshot()
    deployed.clients["ec2"].create_tags(Resources=[made], Tags=[{"Key": "darkroom:snapshot", "Value": "1"}])
    destroy(removal(deployed, yes=True), deployed.world)
    assert f"delete-snapshot --snapshot-id {made}" in deployed.out.getvalue()
    assert yaml.safe_load(Path(deployed.root / "config.yaml").read_text())["stackName"] == "sdoneks"
