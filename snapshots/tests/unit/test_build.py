import base64
from typing import Any

import pytest

from snapshots.terminal import Terminal
from snapshots.testing import Faults
from snapshots.testing_world import ECR, World


def test_the_snapshot_says_what_is_in_it(world: World) -> None:
    other = f"public.ecr.aws/a/b@sha256:{'b' * 64}"
    assert world.build(f"{ECR}/sdwebui:1.10.1,{other}") == 0
    [snapshot] = world.snapshots()
    tags = {tag["Key"]: tag["Value"] for tag in snapshot["Tags"]}
    assert tags["darkroom:snapshot"] == "1"
    assert tags["darkroom:image/0"] == f"{ECR}/sdwebui:1.10.1@{world.digest}"
    assert tags["darkroom:image/1"] == other
    assert tags["darkroom:bottlerocket"] == "1.57.0"
    assert tags["darkroom:arch"] == "amd64"
    assert tags["darkroom:kubernetes"] == "1.35"
    assert "darkroom images amd64" in tags["Name"]
    assert snapshot["Encrypted"]
    assert snapshot["VolumeSize"] == 50


def test_images_are_pulled_by_digest_and_found_by_tag_too(world: World) -> None:
    assert world.build() == 0
    assert world.host.names == {f"{ECR}/sdwebui@{world.digest}": True, f"{ECR}/sdwebui:1.10.1": True}


def test_nothing_that_is_run_on_the_instance_has_a_password(world: World) -> None:
    assert world.build() == 0
    lines = [line for script in world.host.scripts for line in script]
    assert any("host-ctr" in line and "pull-image" in line for line in lines)
    assert not [line for line in lines if "--user" in line or "-u " in line or "AWS:" in line]


def test_the_kubelet_is_stopped_and_a_timer_set_before_the_first_image(world: World) -> None:
    assert world.build() == 0
    scripts = ["\n".join(script) for script in world.host.scripts]
    first = next(number for number, script in enumerate(scripts) if "pull-image" in script)
    assert any("stop kubelet" in script and "systemctl poweroff" in script for script in scripts[:first])


def test_the_instance_is_closed_and_gone_by_itself_in_the_end(world: World) -> None:
    calls: list[dict[str, Any]] = []
    world.ec2.meta.events.register(
        "provide-client-params.ec2.RunInstances", lambda params, **_: calls.append(params), unique_id="calls"
    )
    assert world.build(kms_key="alias/images", public_ip=False) == 0
    world.ec2.meta.events.unregister("provide-client-params.ec2.RunInstances", unique_id="calls")
    [call] = calls
    assert call["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    assert call["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert "KeyName" not in call
    assert call["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is False
    volumes = {one["DeviceName"]: one["Ebs"] for one in call["BlockDeviceMappings"]}
    assert all(volume["Encrypted"] and volume["DeleteOnTermination"] for volume in volumes.values())
    assert volumes["/dev/xvdb"]["KmsKeyId"] == "alias/images"
    assert "host-containers.admin" in base64.b64decode(call["UserData"]).decode()
    assert {one["ResourceType"] for one in call["TagSpecifications"]} >= {"instance", "volume"}


def test_the_role_may_use_systems_manager_and_read_ecr_and_no_more(world: World) -> None:
    world.build(faults=Faults("refused", "DeleteRole", None))
    [role] = world.iam.list_roles()["Roles"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com"}
    attached = [one for one in world.faults.seen if one == "AttachRolePolicy"]
    assert len(attached) == 2


def test_what_is_given_is_neither_made_nor_removed(world: World) -> None:
    vpc = world.subnet["VpcId"]
    group = world.ec2.create_security_group(GroupName="mine", Description="mine", VpcId=vpc)["GroupId"]
    world.iam.create_instance_profile(InstanceProfileName="mine")
    options: dict[str, Any] = {
        "subnet": world.subnet["SubnetId"],
        "security_groups": (group,),
        "instance_profile": "mine",
    }
    assert world.build(**options) == 0
    assert not {"CreateRole", "CreateSecurityGroup", "DeleteSecurityGroup"} & set(world.faults.seen)
    assert world.left() == {"mine"}
    assert world.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]


def test_each_architecture_gets_a_snapshot_in_the_order_asked_for(world: World) -> None:
    assert world.build(arches=["arm64", "amd64"]) == 0
    arches = {
        one["SnapshotId"]: next(tag["Value"] for tag in one["Tags"] if tag["Key"] == "darkroom:arch")
        for one in world.snapshots()
    }
    assert [arches[line] for line in world.out.split()] == ["arm64", "amd64"]
    assert {one["InstanceType"] for one in world.instances()} == {"m6g.large", "m6i.large"}


def test_what_is_complete_stays_when_the_next_architecture_fails(world: World) -> None:
    world.host.results["pull-image"] = [
        {"Status": "Success", "StatusDetails": "Success"},
        {
            "Status": "Failed",
            "StatusDetails": "Failed",
            "ResponseCode": 1,
            "StandardErrorContent": "no space",
        },
    ]
    world.host.names = {f"{ECR}/sdwebui@{world.digest}": True, f"{ECR}/sdwebui:1.10.1": True}
    assert world.build(arches=["amd64", "arm64"]) == 1
    assert [world.out.strip()] == [one["SnapshotId"] for one in world.snapshots()]
    assert "no space" in world.err
    assert not world.left()


def test_reuse_takes_what_is_there_and_makes_nothing(world: World) -> None:
    assert world.build() == 0
    first = world.out
    assert world.build(reuse=True, faults=Faults()) == 0
    assert world.out == first
    assert not {"RunInstances", "CreateRole"} & set(world.faults.seen)


@pytest.mark.parametrize(
    "options",
    [{"encrypt": False}, {"kms_key": "alias/x"}, {"size_gib": 40}, {"arches": ["arm64"]}],
)
def test_reuse_takes_nothing_that_does_not_fit(world: World, options: dict[str, Any]) -> None:
    assert world.build() == 0
    first = world.out
    assert world.build(reuse=True, **options) == 0
    assert world.out != first
    assert len(world.snapshots()) == 2


def test_reuse_sees_that_a_tag_means_another_image_now(world: World) -> None:
    assert world.build() == 0
    world.put("sdwebui", "1.10.1", ["amd64"])
    assert world.build(reuse=True) == 0
    assert len(world.snapshots()) == 2


def test_without_quiet_it_says_what_to_write_into_the_configuration(world: World) -> None:
    assert world.build(quiet=False) == 0
    [snapshot] = world.snapshots()
    assert f"snapshotID: {snapshot['SnapshotId']}" in world.out
    assert "amiVersion: v1.57.0" in world.out
    assert "pulling 1 of 1" in world.err


def test_a_pull_that_fails_shows_the_last_that_was_printed(world: World) -> None:
    failed = {"Status": "Failed", "StatusDetails": "Failed", "ResponseCode": 1}
    noise = "\n".join(f"line {number}" for number in range(100))
    world.host.results["pull-image"] = [{**failed, "StandardErrorContent": f"{noise}\n\x1b[31mno basic auth"}]
    assert world.build() == 1
    assert "no basic auth" in world.err
    assert "exit code 1" in world.err
    assert "line 99" in world.err
    assert "line 3\n" not in world.err
    assert "\x1b" not in world.err
    assert not world.left()


@pytest.mark.parametrize("status", ["TimedOut", "Cancelled", "Failed"])
def test_a_command_that_does_not_succeed_ends_the_build(world: World, status: str) -> None:
    world.host.results["pull-image"] = [{"Status": status, "StatusDetails": status}]
    assert world.build() == 1
    assert "pulling" in world.err
    assert not world.left()


def test_an_image_that_the_kubelet_would_not_find_ends_the_build(world: World) -> None:
    world.host.results["images ls"] = [{"Status": "Success", "StandardOutputContent": "something/else:1"}]
    assert world.build() == 1
    assert "not where the kubelet looks" in world.err
    assert not world.snapshots()


def test_the_admin_container_may_take_its_time(world: World) -> None:
    world.host.results["is-active"] = [{"Status": "Failed", "StatusDetails": "Failed"}] * 3
    assert world.build() == 0


def test_an_instance_that_never_reports_ends_the_build_in_time(world: World) -> None:
    world.host.offline = 10_000
    assert world.build() == 1
    assert "has its subnet a way out" in world.err
    assert world.clock.now < 2000
    assert not world.left()


def test_an_instance_that_ends_by_itself_is_told_with_the_reason(world: World) -> None:
    def end(**_: Any) -> None:
        for one in world.instances():
            world.ec2.terminate_instances(InstanceIds=[one["InstanceId"]])

    world.ec2.meta.events.register("before-parameter-build.ec2.StopInstances", end, unique_id="end")
    try:
        assert world.build() == 1
    finally:
        world.ec2.meta.events.unregister("before-parameter-build.ec2.StopInstances", unique_id="end")
    assert "stopping the instance" in world.err
    assert not world.left()


def test_a_profile_that_ec2_does_not_know_yet_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.ec2.run_instances
    refused: list[dict[str, Any]] = []

    def not_yet(**call: Any) -> Any:
        if len(refused) < 3:
            refused.append(call)
            error = {
                "Code": "InvalidParameterValue",
                "Message": "Value (x) for parameter iamInstanceProfile.name",
            }
            error["Message"] += " is invalid. Invalid IAM Instance Profile name"
            raise world.ec2.exceptions.ClientError({"Error": error}, "RunInstances")
        return run(**call)

    monkeypatch.setattr(world.ec2, "run_instances", not_yet)
    assert world.build() == 0
    assert len(refused) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"subnet": "subnet-0123456789abcdef0"}, "--subnet: there is no subnet-0123456789abcdef0"),
        ({"security_groups": ("sg-0123456789abcdef0",)}, "--security-group: there is no"),
        ({"instance_profile": "nobody"}, "--instance-profile: there is no nobody"),
        ({"instance_types": ["m6g.large"]}, "--instance-type: m6g.large is not of --arch amd64"),
        ({"instance_types": ["m99.large"]}, "--instance-type: there is no m99.large"),
        ({"bottlerocket": "1.1.1"}, "--bottlerocket-version"),
        ({"kubernetes": "1.99"}, "--kubernetes-version"),
        ({"arches": ["riscv"]}, "--arch: 'riscv'"),
        ({"encrypt": False, "kms_key": "x"}, "--kms-key"),
    ],
)
def test_a_wrong_option_is_named_before_anything_is_made(
    world: World, options: dict[str, Any], words: str
) -> None:
    assert world.build(**options) == 2
    assert words in world.err
    assert not {"CreateRole", "CreateSecurityGroup", "RunInstances"} & set(world.faults.seen)
    assert world.out == ""


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (f"{ECR}/sdwebui:nope", "is not there"),
        (f"{ECR}/nope:1", "is not there"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a:1", "not both in China"),
    ],
)
def test_a_wrong_image_is_named_before_anything_is_made(world: World, image: str, words: str) -> None:
    assert world.build(image) == 2
    assert "IMAGE" in world.err
    assert words in world.err
    assert "CreateRole" not in world.faults.seen


def test_an_image_without_the_architecture_is_refused(world: World) -> None:
    world.put("sdwebui", "x86", ["amd64"])
    assert world.build(f"{ECR}/sdwebui:x86", arches=["arm64"]) == 2
    assert "not there for --arch arm64" in world.err


def test_no_default_subnet_asks_for_one(world: World) -> None:
    for subnet in world.ec2.describe_subnets()["Subnets"]:
        world.ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    assert world.build() == 2
    assert "--subnet" in world.err


def test_a_security_group_of_another_vpc_is_refused(world: World) -> None:
    vpc = world.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    group = world.ec2.create_security_group(GroupName="mine", Description="mine", VpcId=vpc)["GroupId"]
    assert world.build(security_groups=(group,)) == 2
    assert "is not in the VPC" in world.err


def test_a_stdout_that_is_closed_does_not_keep_what_was_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(Terminal, "say", closed)
    with pytest.raises(BrokenPipeError):
        world.build()
    assert not world.left()


def test_latest_becomes_the_release_that_it_is(world: World) -> None:
    assert world.build(bottlerocket="latest", quiet=False) == 0
    assert "amiVersion: v1.57.0" in world.out
