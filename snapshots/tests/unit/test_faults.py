"""Each call of AWS goes wrong in each way, and Ctrl-C comes at each: what is left is what was reported."""

from typing import Any

import pytest

from snapshots.testing import Faults
from snapshots.testing_world import World

LOOKING_UP = ("GetParameters", "BatchGetImage", "DescribeInstanceTypes", "DescribeSubnets")
MAKING = (
    "CreateRole",
    "AttachRolePolicy",
    "CreateInstanceProfile",
    "AddRoleToInstanceProfile",
    "CreateSecurityGroup",
    "RunInstances",
    "SendCommand",
    "StopInstances",
    "CreateSnapshot",
)
WATCHING = ("DescribeInstances", "DescribeInstanceInformation", "GetCommandInvocation", "DescribeSnapshots")
REMOVING = (
    "GetInstanceProfile",
    "TerminateInstances",
    "DeleteSecurityGroup",
    "RemoveRoleFromInstanceProfile",
    "DeleteInstanceProfile",
    "DetachRolePolicy",
    "DeleteRole",
)
ALL = (*LOOKING_UP, *MAKING, *WATCHING, *REMOVING)
FAULTS = ("refused", "throttled", "timed out", "lost")


def test_the_list_of_calls_is_whole(world: World) -> None:
    assert world.build() == 0
    assert set(world.faults.seen) == set(ALL)
    assert not world.left()


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("operation", [*LOOKING_UP, *MAKING])
def test_a_call_that_always_fails_leaves_nothing_behind(world: World, operation: str, kind: str) -> None:
    assert world.build(faults=Faults(kind, operation, None)) == 1
    assert not world.left()
    assert not world.snapshots()
    assert world.out == ""
    assert "snapshot: " in world.err
    assert "left behind" not in world.err


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("operation", WATCHING)
def test_when_nothing_can_be_seen_what_may_be_left_is_named(world: World, operation: str, kind: str) -> None:
    assert world.build(faults=Faults(kind, operation, None)) == 1
    assert all(one in world.err for one in world.left())
    assert all(one["SnapshotId"] in world.err for one in world.snapshots())
    if operation not in {"DescribeInstances", "DescribeSnapshots"}:
        assert not world.left()
        assert "left behind" not in world.err


@pytest.mark.parametrize("kind", ["throttled", "timed out", "lost"])
@pytest.mark.parametrize("operation", [*WATCHING, *REMOVING])
def test_what_fails_once_is_done_again(world: World, operation: str, kind: str) -> None:
    assert world.build(faults=Faults(kind, operation)) == 0
    assert not world.left()
    assert [world.out.strip()] == [one["SnapshotId"] for one in world.snapshots()]


@pytest.mark.parametrize("kind", ["refused", "throttled", "timed out"])
@pytest.mark.parametrize("operation", REMOVING)
def test_what_cannot_be_removed_is_reported_and_the_snapshot_stays(
    world: World, operation: str, kind: str
) -> None:
    assert world.build(faults=Faults(kind, operation, None)) == 1
    assert world.left()
    assert all(one in world.err for one in world.left() if not one.startswith("vol-"))
    assert "left behind in us-east-1: " in world.err
    assert "not removed" in world.err
    assert [world.out.strip()] == [one["SnapshotId"] for one in world.snapshots()]


@pytest.mark.parametrize("operation", REMOVING)
def test_a_removal_whose_answer_never_comes_is_done_or_reported(world: World, operation: str) -> None:
    code = world.build(faults=Faults("lost", operation, None))
    assert code == (1 if "left behind" in world.err else 0)
    assert all(one in world.err for one in world.left())
    assert len(world.snapshots()) == 1


@pytest.mark.parametrize("kind", ["interrupted", "interrupted after"])
@pytest.mark.parametrize("operation", [*LOOKING_UP, *MAKING, *WATCHING])
def test_ctrl_c_removes_everything(world: World, operation: str, kind: str) -> None:
    assert world.build(faults=Faults(kind, operation)) == 130
    assert not world.left()
    assert not world.snapshots()
    assert "interrupted" in world.err
    assert "left behind" not in world.err
    assert world.out == ""


@pytest.mark.parametrize("kind", ["interrupted", "interrupted after"])
@pytest.mark.parametrize("operation", REMOVING)
def test_ctrl_c_while_all_is_put_away_is_answered_and_it_goes_on(
    world: World, operation: str, kind: str
) -> None:
    assert world.build(faults=Faults(kind, operation)) == 0
    assert not world.left()
    assert "Ctrl-C again leaves it where it is" in world.err
    assert [world.out.strip()] == [one["SnapshotId"] for one in world.snapshots()]


@pytest.mark.parametrize("second", REMOVING)
@pytest.mark.parametrize("first", ["SendCommand", "DescribeSnapshots"])
def test_a_second_ctrl_c_ends_it_and_names_what_is_left(world: World, first: str, second: str) -> None:
    assert world.build(faults=Faults("interrupted", first, then=Faults("interrupted", second))) == 130
    assert world.left()
    assert all(one in world.err for one in world.left() if not one.startswith("vol-"))
    assert "its removal was interrupted" in world.err
    assert not world.snapshots()


@pytest.mark.parametrize("kind", ["refused", "throttled", "timed out"])
def test_a_snapshot_that_cannot_be_deleted_is_named(world: World, kind: str) -> None:
    faults = Faults("interrupted", "DescribeSnapshots", then=Faults(kind, "DeleteSnapshot", None))
    assert world.build(faults=faults) == 130
    [snapshot] = world.snapshots()
    assert f"left behind in us-east-1: snapshot {snapshot['SnapshotId']}" in world.err
    assert not world.left()


@pytest.mark.parametrize("kind", ["throttled", "lost"])
def test_the_instance_of_a_lost_answer_is_found_by_its_tag(world: World, kind: str) -> None:
    faults = Faults("interrupted after", "RunInstances", then=Faults(kind, "DescribeInstances"))
    assert world.build(faults=faults) == 130
    assert [one["State"]["Name"] for one in world.instances()] == ["terminated"]
    assert not world.left()


def test_of_two_snapshots_because_of_a_lost_answer_one_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = world.ec2.create_snapshot

    def twice(**call: Any) -> Any:
        made(**call)
        return made(**call)

    monkeypatch.setattr(world.ec2, "create_snapshot", twice)
    assert world.build() == 0
    assert [world.out.strip()] == [one["SnapshotId"] for one in world.snapshots()]
