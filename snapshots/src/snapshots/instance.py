"""The instance that the images are pulled on."""

from typing import Any

from snapshots.aws import Aws, tag_specifications
from snapshots.bottlerocket import DATA_DEVICE, SYSTEM_DEVICE, SYSTEM_GIB, USER_DATA
from snapshots.catalog import BUILD
from snapshots.errors import StepError
from snapshots.failures import AWS_ERRORS, code_of, step
from snapshots.plan import Network, Target
from snapshots.progress import Progress
from snapshots.request import Request
from snapshots.undo import Made, UndoStack
from snapshots.waiting import Clock, wait_until

LOOKS = 3  # for something of which it is not known whether it was made; EC2 may need a moment to show it
_OVER = frozenset({"shutting-down", "terminated"})


class Instances:
    """Makes one, stops it, and ends it."""

    def __init__(self, aws: Aws, request: Request, *, clock: Clock, progress: Progress) -> None:
        self._aws = aws
        self._request = request
        self._limits = request.limits
        self._clock = clock
        self._progress = progress

    def make_security_group(
        self, network: Network, *, name: str, tags: dict[str, str], undo: UndoStack
    ) -> str:
        """Make one that lets nothing in, and return its id.

        Raises:
            StepError: EC2 refused.
        """
        made = undo.push("security group", name, lambda: self._remove_group(made, name, network.vpc))
        with step("making a security group"):
            answer = self._aws.ec2.create_security_group(
                GroupName=name,
                Description="Builds a snapshot of container images; removed afterwards",
                VpcId=network.vpc,
                TagSpecifications=tag_specifications(tags, "security-group"),
            )
        made.id = answer["GroupId"]
        return made.id

    def start(
        self,
        target: Target,
        network: Network,
        *,
        profile: str,
        build: str,
        tags: dict[str, str],
        undo: UndoStack,
    ) -> str:
        """Start one, and return its id once it runs.

        Raises:
            StepError: EC2 refused, or it ended by itself.
            StepTimeoutError: it took too long.
        """
        made = undo.push("instance", f"tagged {BUILD}={build}", lambda: self._end(made, build))
        call = self._call(target, network, profile, build, tags)
        with step("starting an instance"):
            # IAM tells EC2 of a new profile after some seconds.
            started = wait_until(
                lambda: self._run(call),
                what="EC2 does not know the instance profile",
                limit=self._limits.profile,
                pause=self._limits.poll,
                clock=self._clock,
            )
            made.id = started["Instances"][0]["InstanceId"]
            self._progress.detail(made.id)
            self._wait(made.id, "running", self._limits.start)
        return made.id

    def stop(self, instance_id: str) -> str:
        """Stop it, so that all is written, and return the id of its data volume.

        Raises:
            StepError: EC2 refused, or it ended by itself.
            StepTimeoutError: it took too long.
        """
        with step("stopping the instance"):
            self._aws.ec2.stop_instances(InstanceIds=[instance_id])
            stopped = self._wait(instance_id, "stopped", self._limits.stop)
        for device in stopped["BlockDeviceMappings"]:
            if device["DeviceName"] == DATA_DEVICE:
                return str(device["Ebs"]["VolumeId"])
        raise StepError(f"stopping the instance: {instance_id} has no volume at {DATA_DEVICE}")

    def _call(
        self, target: Target, network: Network, profile: str, build: str, tags: dict[str, str]
    ) -> dict[str, Any]:
        interface: dict[str, Any] = {
            "DeviceIndex": 0,
            "SubnetId": network.subnet,
            "Groups": list(network.security_groups),
        }
        if self._request.public_ip is not None:
            interface["AssociatePublicIpAddress"] = self._request.public_ip
        data: dict[str, Any] = {
            "VolumeSize": self._request.size_gib,
            "VolumeType": "gp3",
            "Iops": 4000,
            "Throughput": 1000,
            "DeleteOnTermination": True,
            "Encrypted": self._request.encrypt,
        }
        if self._request.kms_key:
            data["KmsKeyId"] = self._request.kms_key
        system = {
            "VolumeSize": SYSTEM_GIB,
            "VolumeType": "gp3",
            "DeleteOnTermination": True,
            "Encrypted": True,
        }
        return {
            "ImageId": target.ami,
            "InstanceType": target.instance_type,
            "MinCount": 1,
            "MaxCount": 1,
            "ClientToken": build,  # sent again, it is the same instance
            "UserData": USER_DATA,
            "IamInstanceProfile": {"Name": profile},
            "NetworkInterfaces": [interface],
            "BlockDeviceMappings": [
                {"DeviceName": SYSTEM_DEVICE, "Ebs": system},
                {"DeviceName": DATA_DEVICE, "Ebs": data},
            ],
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
            # For its own timer (`bottlerocket.prepare`); StopInstances stops it all the same.
            "InstanceInitiatedShutdownBehavior": "terminate",
            "TagSpecifications": tag_specifications(tags, "instance", "volume", "network-interface"),
        }

    def _run(self, call: dict[str, Any]) -> dict[str, Any] | None:
        try:
            started: dict[str, Any] = self._aws.ec2.run_instances(**call)
        except AWS_ERRORS as exc:
            if code_of(exc) == "InvalidParameterValue" and "instance profile" in str(exc).lower():
                return None
            raise
        return started

    def _wait(self, instance_id: str, state: str, limit: float) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found = self._look(InstanceIds=[instance_id])
            if not found:
                return None  # new ones are not seen at once
            [instance] = found
            now = instance["State"]["Name"]
            if now == state:
                return instance
            if now in _OVER and state != "terminated":
                reason = instance.get("StateReason", {}).get("Message") or "no reason given"
                raise StepError(f"the instance {instance_id} has ended by itself: {reason}")
            return None

        return wait_until(
            look, what=f"{instance_id} {state}", limit=limit, pause=self._limits.poll, clock=self._clock
        )

    def _look(self, **which: Any) -> list[dict[str, Any]]:
        try:
            answer = self._aws.ec2.describe_instances(**which)
        except AWS_ERRORS as exc:
            if code_of(exc) == "InvalidInstanceID.NotFound":
                return []
            raise
        return [one for reservation in answer["Reservations"] for one in reservation["Instances"]]

    def _end(self, made: Made, build: str) -> None:
        known = made.id.startswith("i-")
        if known:
            self._terminate(made.id)
        others = [one for one in self._unseen(build, looks=1 if known else LOOKS) if one != made.id]
        if others and not known:
            made.id = ", ".join(others)
        for one in others:
            self._terminate(one)
        for one in [made.id] * known + others:
            self._wait(one, "terminated", self._limits.end)

    def _terminate(self, instance_id: str) -> None:
        try:
            self._aws.ec2.terminate_instances(InstanceIds=[instance_id])
        except AWS_ERRORS as exc:
            if code_of(exc) != "InvalidInstanceID.NotFound":
                raise

    def _unseen(self, build: str, *, looks: int) -> list[str]:
        """Return the instances of this build, those too whose ids were lost on the way."""
        for left in reversed(range(looks)):
            found = self._look(Filters=[{"Name": f"tag:{BUILD}", "Values": [build]}])
            if ids := [str(one["InstanceId"]) for one in found if one["State"]["Name"] != "terminated"]:
                return ids
            if left:
                self._clock.sleep(self._limits.poll)
        return []

    def _remove_group(self, made: Made, name: str, vpc: str) -> None:
        group = made.id if made.id.startswith("sg-") else self._made_unseen(name, vpc)
        if group is None:
            return
        try:
            self._aws.ec2.delete_security_group(GroupId=group)
        except AWS_ERRORS as exc:
            if code_of(exc) != "InvalidGroup.NotFound":
                raise

    def _made_unseen(self, name: str, vpc: str) -> str | None:
        """Return the security group whose id was lost on the way, if it was made."""
        filters = [{"Name": "group-name", "Values": [name]}, {"Name": "vpc-id", "Values": [vpc]}]
        for left in reversed(range(LOOKS)):
            for group in self._aws.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]:
                return str(group["GroupId"])
            if left:
                self._clock.sleep(self._limits.poll)
        return None
