from pathlib import Path
from typing import Any

import pytest
import yaml

from darkroom_cli.deploying.configuration import NEW, Document
from darkroom_cli.deploying.deploy import deploy
from darkroom_cli.deploying.errors import DeclinedError, StepError
from darkroom_cli.deploying.options import Options
from darkroom_cli.deploying.ports import Ran
from darkroom_cli.deploying.testing import ACCOUNT, BUCKET, REGION, Account

AGENT = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/sd-on-eks/queue-agent"


def options(account: Account, **more: Any) -> Options:
    given: dict[str, Any] = {"config": account.root / "config.yaml", "yes": True} | more
    return Options(**given)


def config(account: Account) -> dict[str, Any]:
    return dict(yaml.safe_load((account.root / "config.yaml").read_text()))


def test_a_bare_deployment_makes_everything_and_prints_the_outputs(account: Account) -> None:
    account.programs_work()
    deploy(options(account), account.world)
    found = config(account)
    [runtime] = found["modelsRuntime"]
    assert found["stackName"] == "sdoneks"
    assert found["modelBucketArn"] == f"arn:aws:s3:::{BUCKET}"
    assert (runtime["name"], runtime["type"]) == ("sdruntime", "sdwebui")
    assert runtime["extraValues"]["runtime"]["queueAgent"]["image"] == {"repository": AGENT, "tag": "0.1.0"}
    assert runtime["extraValues"]["karpenter"]["nodeTemplate"] == {
        "amiFamily": "Bottlerocket",
        "dataVolume": {"snapshotID": account.cache.snapshot},
    }
    assert account.source.copied == ["Stable-diffusion/v1-5-pruned-emaonly.safetensors"]
    assert account.cache.built == [("public.ecr.aws/bingjiao/sd-on-eks/sdwebui:latest", f"{AGENT}:0.1.0")]
    assert "sdoneksStack.FrontApiEndpoint = https://api.example/prod/" in account.out.getvalue()


def test_the_bucket_that_is_made_is_closed_to_the_public_and_keeps_no_unfinished_uploads(
    account: Account,
) -> None:
    account.programs_work()
    deploy(options(account), account.world)
    s3 = account.clients["s3"]
    [rule] = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert "Expiration" not in rule
    closed = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert set(closed.values()) == {True}


def test_a_second_call_makes_nothing_again_but_lets_the_cdk_compare(account: Account) -> None:
    account.programs_work()
    deploy(options(account), account.world)
    before = (account.root / "config.yaml").read_text()
    account.operations.clear()
    account.runner.calls.clear()
    account.cache.built.clear()
    account.source.copied.clear()
    deploy(options(account), account.world)
    assert [line for line in account.written if "cdk deploy" not in line] == []
    assert account.runner.ran("cdk deploy") == 1
    assert (account.root / "config.yaml").read_text() == before


def test_a_first_deployment_keeps_what_was_made_when_something_fails_and_later_ones_roll_back(
    account: Account,
) -> None:
    account.programs_work()
    deploy(options(account), account.world)
    assert account.runner.ran("--no-rollback") == 1
    deploy(options(account), account.world)
    assert account.runner.ran("--no-rollback") == 1
    account.cloudformation.stacks["sdoneksClusterStack"]["StackStatus"] = "UPDATE_FAILED"
    deploy(options(account), account.world)
    assert account.runner.ran("--no-rollback") == 2


def test_a_dry_run_makes_nothing_and_writes_the_file(account: Account) -> None:
    deploy(options(account, dry_run=True, yes=False), account.world)
    assert account.written == []
    assert account.user.questions == []
    assert config(account)["modelBucketArn"] == f"arn:aws:s3:::{BUCKET}"
    assert str(account.root / "config.yaml") in account.out.getvalue()
    told = account.err.getvalue()
    for text in (
        "role for spot",
        "model bucket",
        "image cache",
        "CDK bootstrap",
        "cdk deploy of sdoneksStack",
    ):
        assert text in told


def test_after_a_dry_run_a_deployment_still_makes_everything(account: Account) -> None:
    account.programs_work()
    deploy(options(account, dry_run=True), account.world)
    deploy(options(account), account.world)
    assert account.runner.ran("docker push") == 1
    assert account.cache.built
    assert account.source.copied
    assert account.runner.ran("cdk deploy") == 1


def test_the_options_of_the_guide_reach_the_file(account: Account) -> None:
    bucket = account.make_bucket("my-models", "Stable-diffusion/sdxl.safetensors")
    snapshot = account.make_snapshot()
    given = {"stack_name": "studio", "bucket": bucket, "snapshot": snapshot, "runtime_name": "comfy"}
    deploy(options(account, dry_run=True, runtime_type="comfyui", **given), account.world)
    found = config(account)
    [runtime] = found["modelsRuntime"]
    assert (found["stackName"], found["modelBucketArn"]) == ("studio", "arn:aws:s3:::my-models")
    assert (runtime["name"], runtime["type"]) == ("comfy", "comfyui")
    assert runtime["extraValues"]["karpenter"]["nodeTemplate"]["dataVolume"]["snapshotID"] == snapshot


def test_the_only_model_of_a_given_bucket_is_the_one_that_is_served(account: Account) -> None:
    account.make_bucket("my-models", "Stable-diffusion/sdxl.safetensors")
    deploy(options(account, dry_run=True, bucket="my-models"), account.world)
    [runtime] = config(account)["modelsRuntime"]
    assert runtime["modelFilename"] == "sdxl.safetensors"


def test_where_there_is_no_g5_the_next_family_is_taken_with_a_warning(
    tmp_path: Path, account: Account
) -> None:
    other = Account(tmp_path, region="us-west-1")
    deploy(options(other, dry_run=True), other.world)
    [runtime] = config(other)["modelsRuntime"]
    types = runtime["extraValues"]["karpenter"]["provisioner"]["instanceType"]
    assert types == ["g4dn.xlarge", "g4dn.2xlarge"]
    assert "us-west-1 has no g5" in other.err.getvalue()
    assert account.written == []


def test_a_file_of_the_user_keeps_what_is_in_it(account: Account) -> None:
    account.make_bucket("my-models", "Stable-diffusion/a.safetensors")
    path = account.root / "config.yaml"
    text = NEW.replace("sdoneks-models", "my-models").replace("v1-5-pruned-emaonly", "a")
    path.write_text(text + "    runtime: {scaling: {queueLength: 2}} # two, since our pictures take long\n")
    deploy(options(account, dry_run=True), account.world)
    [runtime] = config(account)["modelsRuntime"]
    assert runtime["extraValues"]["runtime"]["scaling"] == {"queueLength": 2}
    assert runtime["extraValues"]["runtime"]["queueAgent"]["image"]["repository"] == AGENT
    assert "# two, since our pictures take long" in path.read_text()


@pytest.mark.parametrize(("answer", "said"), [(None, "--yes"), ("n", "not confirmed"), ("", "not confirmed")])
def test_a_file_of_the_user_is_not_changed_unasked(account: Account, answer: str | None, said: str) -> None:
    account.make_bucket("my-models", "Stable-diffusion/a.safetensors")
    path = account.root / "config.yaml"
    path.write_text(NEW.replace("sdoneks-models", "my-models").replace("v1-5-pruned-emaonly", "a"))
    before = path.read_text()
    account.user.answers = [answer]
    with pytest.raises(DeclinedError, match=said):
        deploy(options(account, dry_run=True, yes=False), account.world)
    assert path.read_text() == before


def test_a_deployment_that_is_not_confirmed_makes_nothing(account: Account) -> None:
    account.user.answers = ["no"]
    with pytest.raises(DeclinedError):
        deploy(options(account, yes=False), account.world)
    assert account.written == []
    assert not (account.root / "config.yaml").exists()


def test_the_summary_tells_the_steps_the_costs_and_the_changes_before_it_asks(account: Account) -> None:
    account.user.answers = ["no"]
    with pytest.raises(DeclinedError):
        deploy(options(account, yes=False), account.world)
    told = account.err.getvalue()
    assert f"modelBucketArn: arn:aws:s3:::{BUCKET}" in told
    assert "dollars a month" in told
    assert f"account {ACCOUNT}" in told


def test_a_given_agent_image_is_not_built(account: Account) -> None:
    account.programs_work()
    account.push("own-agent", "7")
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/own-agent:7"
    deploy(options(account, agent_image=image), account.world)
    assert account.runner.ran("build-support/image/build") == 0
    document = Document(account.root / "config.yaml", None, (account.root / "config.yaml").read_text())
    assert document.runtimes[0].agent_image == image


def test_the_password_of_the_registry_is_on_no_command_line(account: Account) -> None:
    account.programs_work()
    deploy(options(account), account.world)
    [password] = account.runner.stdin
    assert password
    assert not any(password in word for call in account.runner.calls for word in call)


def test_without_a_snapshot_none_is_built(account: Account) -> None:
    account.programs_work()
    deploy(options(account, no_snapshot=True), account.world)
    assert account.cache.built == []
    assert "snapshotID" not in (account.root / "config.yaml").read_text()


def test_an_account_without_a_default_subnet_is_warned_before_a_cache_is_built(account: Account) -> None:
    ec2 = account.clients["ec2"]
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    deploy(options(account, dry_run=True), account.world)
    assert "has no default subnet" in account.err.getvalue()
    account.err.truncate(0)
    deploy(options(account, dry_run=True, no_snapshot=True), account.world)
    assert "has no default subnet" not in account.err.getvalue()


def test_new_filters_are_waited_for_fifteen_minutes_and_old_ones_are_not(account: Account) -> None:
    account.programs_work()
    before = account.clock.time
    deploy(options(account), account.world)
    assert (account.clock.time - before).total_seconds() == 15 * 60
    deploy(options(account), account.world)
    assert (account.clock.time - before).total_seconds() == 15 * 60


def test_no_wait_does_not_wait_for_the_filters(account: Account) -> None:
    account.programs_work()
    before = account.clock.time
    deploy(options(account, wait=False), account.world)
    assert account.clock.time == before


def test_what_cloudformation_is_doing_is_waited_for_first(account: Account) -> None:
    account.programs_work()
    deploy(options(account), account.world)
    account.cloudformation.script["sdoneksStack"] = ["UPDATE_IN_PROGRESS"] * 4 + ["UPDATE_COMPLETE"]
    before = account.clock.time
    deploy(options(account, wait=False), account.world)
    assert account.clock.time > before
    assert account.runner.ran("cdk deploy") == 2


def test_a_failing_program_ends_it_with_the_step_that_goes_on_next_time(account: Account) -> None:
    account.programs_work()
    account.runner.answers["bin/cdk deploy"] = Ran(1)
    with pytest.raises(StepError, match=r"(?s)9/10 stacks.*start again"):
        deploy(options(account), account.world)
    assert config(account)["modelBucketArn"] == f"arn:aws:s3:::{BUCKET}"


def test_the_cdk_gets_region_and_file(account: Account) -> None:
    account.programs_work()
    deploy(options(account, profile="studio"), account.world)
    index = next(i for i, call in enumerate(account.runner.calls) if "deploy" in call)
    env = account.runner.env[index]
    assert env["AWS_REGION"] == REGION
    assert env["AWS_PROFILE"] == "studio"
    for command in ("cdk bootstrap", "cdk deploy"):
        [call] = [" ".join(one) for one in account.runner.calls if command in " ".join(one)]
        assert call.endswith("--profile studio")
    assert env["CDK_CONFIG_PATH"] == str(account.root / "config.yaml")


def test_the_image_is_built_by_the_engine_that_pushes_it(account: Account) -> None:
    account.programs_work()
    account.runner.answers["docker info"] = Ran(1)
    deploy(options(account), account.world)
    calls = zip(account.runner.calls, account.runner.env, strict=True)
    engines = {env["DARKROOM_ENGINE"] for call, env in calls if "image/build" in call[0] or "push" in call}
    assert engines == {"podman"}
    assert account.runner.ran("podman push") == 1


def test_a_file_that_becomes_another_deployments_is_warned_of(account: Account) -> None:
    account.make_bucket("my-models", "Stable-diffusion/a.safetensors")
    text = NEW.replace("sdoneks-models", "my-models").replace("v1-5-pruned-emaonly", "a")
    (account.root / "config.yaml").write_text(text)
    deploy(options(account, dry_run=True, stack_name="studio"), account.world)
    assert "what is deployed as sdoneks stays" in account.err.getvalue()


def test_the_key_of_an_address_is_not_shown(account: Account) -> None:
    url = "https://models.example/a.safetensors?token=hunter2"
    deploy(options(account, dry_run=True, model_url=url), account.world)
    assert "https://models.example/a.safetensors?..." in account.err.getvalue()
    assert "hunter2" not in account.err.getvalue()


def test_runtimes_of_a_file_that_lack_a_snapshot_share_one(account: Account) -> None:
    account.programs_work()
    account.make_bucket("my-models", "Stable-diffusion/a.safetensors")
    second = "- name: comfy\n  namespace: comfy\n  type: comfyui\n"
    text = NEW.replace("sdoneks-models", "my-models").replace("v1-5-pruned-emaonly", "a")
    (account.root / "config.yaml").write_text(text + second)
    deploy(options(account), account.world)
    [images] = account.cache.built
    assert [name.partition(":")[0].rpartition("/")[2] for name in images] == [
        "sdwebui",
        "queue-agent",
        "comfyui",
    ]
    document = Document(account.root / "config.yaml", None, (account.root / "config.yaml").read_text())
    assert [one.snapshot for one in document.runtimes] == [account.cache.snapshot] * 2
