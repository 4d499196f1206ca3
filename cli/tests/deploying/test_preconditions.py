"""What is missing is told before anything is made, each with words and an exit code of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError
from moto import mock_aws

from darkroom_cli.deploying.configuration import NEW
from darkroom_cli.deploying.deploy import deploy
from darkroom_cli.deploying.errors import PreconditionsError, StepError, WrongOptionsError
from darkroom_cli.deploying.fakes import refusal
from darkroom_cli.deploying.findings import Code
from darkroom_cli.deploying.options import Options
from darkroom_cli.deploying.ports import Ran
from darkroom_cli.deploying.testing import ACCOUNT, BUCKET, REGION, Account

MODEL = "Stable-diffusion/v1-5-pruned-emaonly.safetensors"
type Break = Callable[[Account], dict[str, Any] | None]


def options(account: Account, **more: Any) -> Options:
    given: dict[str, Any] = {"config": account.root / "config.yaml", "yes": True} | more
    return Options(**given)


class Refuses:
    """A client all of whose calls fail in the same way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*_arguments: Any, **_more: Any) -> Any:
            raise self._error

        return call


def fails(service: str, error: Exception) -> Break:
    def broken(account: Account) -> None:
        account.clients[service] = Refuses(error)

    return broken


def quota(quota_id: str, value: float) -> Break:
    def broken(account: Account) -> None:
        account.quotas.values[quota_id] = value

    return broken


def stack(status: str, owner: str | None = "sdoneks") -> Break:
    return lambda account: account.cloudformation.add("sdoneksClusterStack", status, owner)


def file(text: str) -> Break:
    def written(account: Account) -> None:
        (account.root / "config.yaml").write_text(text)

    return written


def bucket(*models: str, region: str = REGION) -> Break:
    return lambda account: {"bucket": account.make_bucket("my-models", *models, region=region)}


def snapshot(size: int = 50, **said: str) -> Break:
    def broken(account: Account) -> dict[str, Any]:
        made = account.make_snapshot(size=size)
        if said:
            account.clients["ec2"] = Says(account.clients["ec2"], said)
        return {"snapshot": made}

    return broken


class Says:
    """EC2, but for what it says of snapshots."""

    def __init__(self, ec2: Any, said: dict[str, str]) -> None:
        self._ec2 = ec2
        self._said = said

    def describe_snapshots(self, **arguments: Any) -> Any:
        answer = self._ec2.describe_snapshots(**arguments)
        return {"Snapshots": [one | self._said for one in answer["Snapshots"]]}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ec2, name)


class Offers(Says):
    """EC2, in a region with other instances."""

    def __init__(self, ec2: Any, names: list[str]) -> None:
        super().__init__(ec2, {})
        self._names = names

    def get_paginator(self, name: str) -> Any:
        return self if name == "describe_instance_type_offerings" else self._ec2.get_paginator(name)

    def paginate(self, **_: Any) -> Any:
        return [{"InstanceTypeOfferings": [{"InstanceType": name} for name in self._names]}]


def offers(*names: str, text: str = NEW) -> Break:
    def broken(account: Account) -> None:
        (account.root / "config.yaml").write_text(text)
        account.clients["ec2"] = Offers(account.clients["ec2"], list(names))

    return broken


def node(version: str) -> Break:
    def broken(account: Account) -> None:
        account.runner.answers["--version"] = Ran(0, version)

    return broken


def without(*programs: str) -> Break:
    return lambda account: account.runner.missing.update(programs)


def unbuilt(account: Account) -> None:
    (account.root / "dist" / "infra-0.1.0.pex").unlink()


def no_checkpoint(account: Account) -> None:
    account.source.problem = "HTTP 404"


def lambdas(account: Account) -> None:
    account.functions.concurrency = 5


def china(account: Account) -> None:
    account.partition = "aws-cn"


def refused(account: Account) -> None:
    account.runner.answers["infra-0.1.0.pex"] = Ran(1, "error: APIGW.stageName: is wrong")


def disabled(account: Account) -> None:
    account.clients["ec2"] = Refuses(refusal("AuthFailure", "DescribeAvailabilityZones"))


TYPED = NEW + "    karpenter: {provisioner: {instanceType: [p4d.24xlarge]}}\n"
TWO = NEW.replace("sdoneks-models", BUCKET) + "- {name: comfy, namespace: comfy, type: comfyui}\n"
OWN = NEW.replace("sdoneks-models", BUCKET)

CASES: dict[str, tuple[Break, Code, str]] = {
    "no node": (without("node"), Code.NODE_MISSING, "Node.js"),
    "old node": (node("v16.20.0"), Code.NODE_OLD, r"v16\.20\.0"),
    "unknown node": (node("hello"), Code.NODE_OLD, "20 or newer"),
    "no engine": (without("docker", "podman"), Code.NO_ENGINE, "--agent-image"),
    "not built": (unbuilt, Code.NOT_BUILT, "pants package infra:app"),
    "no credentials": (fails("sts", NoCredentialsError()), Code.NO_CREDENTIALS, "aws configure"),
    "expired": (fails("sts", refusal("ExpiredToken", "X")), Code.CREDENTIALS_EXPIRED, "log in again"),
    "refused": (fails("sts", refusal("InvalidClientTokenId", "X")), Code.CREDENTIALS_REFUSED, "partition"),
    "region is off": (disabled, Code.REGION_DISABLED, "not turned on"),
    "not allowed": (fails("sts", refusal("AccessDenied", "X")), Code.CREDENTIALS_REFUSED, "refuses"),
    "stacks not told": (
        fails("cloudformation", refusal("AccessDenied", "X")),
        Code.NOT_ALLOWED,
        "administrator",
    ),
    "cloudformation is down": (fails("cloudformation", refusal("Internal", "X")), Code.NO_ANSWER, "stack"),
    "on-demand": (quota("L-DB2E81BA", 0), Code.QUOTA_GPU_ON_DEMAND, "is 0 .* 4 vCPUs .*onDemand: false"),
    "spot": (quota("L-3819A6DF", 2), Code.QUOTA_GPU_SPOT, "is 2 .*spot: false"),
    "standard": (quota("L-1216C47A", 1), Code.QUOTA_STANDARD, "system nodes"),
    "vpcs": (quota("L-F678F1CE", 1), Code.QUOTA_VPCS, "1 are there.*existingVpc"),
    "nat gateways": (quota("L-FE5A380F", 0), Code.QUOTA_NAT_GATEWAYS, "NAT gateways"),
    "addresses": (quota("L-0263D0A3", 2), Code.QUOTA_ADDRESSES, "natGateways: 1"),
    "lambda": (lambdas, Code.QUOTA_LAMBDA, "5 functions"),
    "no gpus": (offers(), Code.NO_INSTANCES, "none of g5, g6, g4dn"),
    "not these gpus": (offers("g6.xlarge", text=TYPED), Code.NO_INSTANCES, "p4d.24xlarge.*has g6.xlarge"),
    "no bucket": (lambda _: {"bucket": "nobodys-models"}, Code.NO_BUCKET, "--bucket: there is no bucket"),
    "no bucket in the file": (file(NEW.replace("sdoneks-models", "gone")), Code.NO_BUCKET, "modelBucketArn"),
    "foreign bucket": (fails("s3", refusal("AccessDenied", "X")), Code.FOREIGN_BUCKET, "another account"),
    "s3 is down": (fails("s3", refusal("InternalError", "X")), Code.NO_ANSWER, "where the bucket"),
    "bucket elsewhere": (bucket(MODEL, region="us-west-2"), Code.BUCKET_ELSEWHERE, "us-west-2.*sync"),
    "empty bucket": (bucket(), Code.NO_MODELS, "no model in its folder Stable-diffusion"),
    "models elsewhere": (bucket("Lora/a.safetensors", "a.safetensors"), Code.NO_MODELS, "aws s3 cp"),
    "only a text": (bucket("Stable-diffusion/README.md"), Code.NO_MODELS, "no model"),
    "other models": (
        bucket("Stable-diffusion/a.safetensors", "Stable-diffusion/b.ckpt"),
        Code.NO_SUCH_MODEL,
        "there are: a.safetensors, b.ckpt",
    ),
    "china": (china, Code.MODELS_IN_CHINA, "say --bucket"),
    "no checkpoint": (no_checkpoint, Code.NO_CHECKPOINT, "HTTP 404"),
    "no snapshot": (lambda _: {"snapshot": "snap-0123456789abcdef0"}, Code.NO_SNAPSHOT, "snapshot list"),
    "pending": (snapshot(State="pending", Progress="7%"), Code.SNAPSHOT_PENDING, r"pending \(7%\)"),
    "failed": (snapshot(State="error"), Code.SNAPSHOT_FAILED, "build another"),
    "too large": (snapshot(size=200), Code.SNAPSHOT_TOO_LARGE, "volumeSize to 200Gi"),
    "no image": (
        lambda _: {"agent_image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/agent:1"},
        Code.NO_AGENT_IMAGE,
        "is not in the registry",
    ),
    "no yaml": (file("a: [1"), Code.CONFIG_UNREADABLE, "is not YAML"),
    "a list": (file("- a\n"), Code.CONFIG_UNREADABLE, "modelsRuntime"),
    "no runtimes": (file("modelBucketArn: arn:aws:s3:::a-b\n"), Code.CONFIG_UNREADABLE, "modelsRuntime"),
    "no such runtime": (
        lambda account: file(OWN)(account) or {"runtime_name": "other"},
        Code.CONFIG_DIFFERS,
        "no runtime other",
    ),
    "another type": (
        lambda account: file(OWN)(account) or {"runtime_type": "comfyui"},
        Code.CONFIG_DIFFERS,
        "keeps its type",
    ),
    "which runtime": (
        lambda account: file(TWO)(account) or {"runtime_type": "comfyui"},
        Code.CONFIG_DIFFERS,
        "sdruntime, comfy",
    ),
    "no folder for the file": (
        lambda account: {"config": account.root / "nowhere" / "config.yaml"},
        Code.CONFIG_UNREADABLE,
        "no folder",
    ),
    "refused file": (refused, Code.CONFIG_REFUSED, "APIGW.stageName: is wrong"),
    "broken stack": (stack("UPDATE_ROLLBACK_FAILED"), Code.STACK_BROKEN, "takes a hand"),
    "going stack": (stack("DELETE_IN_PROGRESS"), Code.STACK_GOING, "being deleted"),
    "foreign stack": (stack("CREATE_COMPLETE", None), Code.FOREIGN_STACK, "not made by Darkroom"),
    "another's stack": (stack("CREATE_COMPLETE", "other"), Code.FOREIGN_STACK, "deployment other"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_missing_is_told_and_nothing_is_made(name: str, account: Account) -> None:
    broken, code, words = CASES[name]
    more = broken(account) or {}
    before = _files(account.root)
    with pytest.raises(PreconditionsError, match=words) as raised:
        deploy(options(account, **more), account.world)
    assert raised.value.exit_code == code
    assert [one.code for one in raised.value.findings] == [code]
    assert account.written == []
    assert _files(account.root) == before


def _files(root: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in root.glob("*.yaml")}


def test_everything_that_is_missing_is_told_at_once(account: Account) -> None:
    account.runner.missing.add("node")
    account.quotas.values |= {"L-DB2E81BA": 0, "L-F678F1CE": 0}
    lambdas(account)
    given = {"bucket": "nobodys-models", "snapshot": "snap-0123456789abcdef0"}
    with pytest.raises(PreconditionsError) as raised:
        deploy(options(account, **given), account.world)
    assert [one.code for one in raised.value.findings] == [
        Code.NODE_MISSING,
        Code.QUOTA_GPU_ON_DEMAND,
        Code.QUOTA_VPCS,
        Code.QUOTA_LAMBDA,
        Code.NO_BUCKET,
        Code.NO_SNAPSHOT,
    ]
    assert raised.value.exit_code == Code.NODE_MISSING
    assert account.written == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"stack_name": "9lives"}, "--stack-name"),
        ({"stack_name": "a_b"}, "--stack-name"),
        ({"region": "Oregon"}, "--region"),
        ({"bucket": "arn:aws:s3:::models"}, "--bucket"),
        ({"bucket": "Models"}, "--bucket"),
        ({"snapshot": "vol-0123456789abcdef0"}, "--snapshot"),
        ({"snapshot": "snap-0123456789abcdef0", "no_snapshot": True}, "--no-snapshot"),
        ({"runtime_name": "SD"}, "--runtime-name"),
        ({"runtime_type": "invokeai"}, "sdwebui, comfyui"),
        ({"agent_image": "queue-agent"}, "--agent-image"),
        ({"model_url": "http://example.com/a.safetensors"}, "https://"),
        ({"model_url": "https://example.com/a.zip"}, ".safetensors or .ckpt"),
        ({"model_sha256": "abc"}, "--model-sha256"),
        ({"ignore": (82,)}, "--ignore: 82 cannot be passed over"),
    ],
)
def test_a_wrong_option_is_named_before_anything_is_looked_at(
    given: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(WrongOptionsError, match=words) as raised:
        options_of(tmp_path, **given).check()
    assert raised.value.exit_code == 2


def options_of(folder: Path, **given: Any) -> Options:
    return Options(folder / "config.yaml", **given)


def test_all_wrong_options_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(WrongOptionsError) as raised:
        options_of(tmp_path, stack_name="9", region="x", runtime_type="y").check()
    assert len(raised.value.problems) == 3


def test_a_quota_can_be_passed_over(account: Account) -> None:
    account.quotas.values["L-DB2E81BA"] = 0
    deploy(options(account, dry_run=True, ignore=(30,)), account.world)
    assert "--ignore 30" in account.err.getvalue()


def test_quotas_of_the_network_are_not_asked_for_where_the_cluster_is_there(account: Account) -> None:
    account.quotas.values |= {"L-F678F1CE": 0, "L-FE5A380F": 0, "L-0263D0A3": 0, "L-1216C47A": 0}
    account.cloudformation.add("sdoneksClusterStack")
    deploy(options(account, dry_run=True), account.world)
    assert (account.root / "config.yaml").exists()


def test_more_or_larger_system_nodes_need_a_larger_quota(account: Account) -> None:
    account.quotas.values["L-1216C47A"] = 8
    file(NEW + "systemNodes: {instanceType: m7i.xlarge, count: 3}\n")(account)
    with pytest.raises(PreconditionsError, match=r"is 8 .* 12 vCPUs for 3 system nodes"):
        deploy(options(account), account.world)


def test_a_quota_of_a_kind_of_instance_that_no_runtime_takes_is_not_asked_for(account: Account) -> None:
    account.quotas.values["L-DB2E81BA"] = 0
    file(NEW + "    karpenter: {provisioner: {capacityType: {onDemand: false}}}\n")(account)
    deploy(options(account, dry_run=True), account.world)
    assert account.written == []


def test_larger_instances_need_a_larger_quota(account: Account) -> None:
    account.quotas.values["L-3819A6DF"] = 8
    text = (
        NEW + "    karpenter: {provisioner: {instanceType: [g5.4xlarge], capacityType: {onDemand: false}}}\n"
    )
    file(text)(account)
    with pytest.raises(PreconditionsError, match="16 vCPUs"):
        deploy(options(account), account.world)


def test_each_runtime_needs_a_quota_for_one_of_its_instances(account: Account) -> None:
    account.quotas.values["L-DB2E81BA"] = 8
    values = "{karpenter: {provisioner: {instanceType: [g5.4xlarge]}}}"
    second = f"- {{name: comfy, type: comfyui, extraValues: {values}}}\n"
    file(NEW + second)(account)
    with pytest.raises(PreconditionsError, match="16 vCPUs"):
        deploy(options(account), account.world)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("\n    karpenter:\n      nodeTemplate: *node\n    imageRegistry: null", "no snapshotID can be put"),
        (" {karpenter: {nodeTemplate: *node}}", "set it to .* by hand"),
    ],
)
def test_a_file_that_cannot_be_filled_in_is_known_before_anything_is_made(
    values: str, words: str, account: Account
) -> None:
    first = "    karpenter: {nodeTemplate: &node {amiFamily: Bottlerocket}}\n"
    second = f"- name: comfy\n  type: comfyui\n  extraValues:{values}\n"
    file(NEW + first + second)(account)
    with pytest.raises(StepError, match=words):
        deploy(options(account), account.world)
    assert account.written == []


def test_what_cannot_be_known_of_quotas_is_a_warning(account: Account) -> None:
    account.quotas.values["L-DB2E81BA"] = None
    account.clients["lambda"] = Refuses(refusal("AccessDenied", "GetAccountSettings"))
    deploy(options(account, dry_run=True), account.world)
    told = account.err.getvalue()
    assert "L-DB2E81BA) is not known" in told
    assert "Lambda functions may run at a time is not known" in told


def test_skipping_the_tools_looks_at_none(account: Account) -> None:
    account.runner.missing |= {"node", "docker", "podman"}
    deploy(options(account, dry_run=True, skip_tools=True), account.world)
    assert (account.root / "config.yaml").exists()


def test_every_code_has_a_case_or_is_told_by_connecting() -> None:
    with_case = {code for _, code, _ in CASES.values()}
    connecting = {Code.NO_PROFILE, Code.NO_REGION, Code.REGION_UNKNOWN}
    assert set(Code) - with_case == connecting


def test_the_page_has_a_row_for_every_code() -> None:
    page = next(
        path / "docs" / "deploy" / "quick-start.md"
        for path in Path(__file__).parents
        if (path / "docs" / "deploy" / "quick-start.md").is_file()
    ).read_text()
    page = page.partition("## What may be missing")[2]
    rows = {
        int(line.split("|")[1]) for line in page.splitlines() if line.startswith("| ") and line[2].isdigit()
    }
    assert rows == {code.value for code in Code}


@mock_aws
def test_a_root_user_is_warned(tmp_path: Path) -> None:
    account = Account(tmp_path)
    real = account.clients["sts"]

    class Root:
        def get_caller_identity(self) -> Any:
            return real.get_caller_identity() | {"Arn": f"arn:aws:iam::{ACCOUNT}:root"}

    account.clients["sts"] = Root()
    deploy(options(account, dry_run=True), account.world)
    assert "root user" in account.err.getvalue()
