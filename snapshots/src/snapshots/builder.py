"""From a plan to snapshots, one after the other. Whatever is made on the way is removed, however it ends."""

import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from snapshots import bottlerocket
from snapshots.access import make_profile
from snapshots.aws import Aws, tag_specifications
from snapshots.catalog import BUILD, Catalog, Snapshot
from snapshots.errors import CommandFailedError, LeftBehindError, StepError
from snapshots.failures import step
from snapshots.instance import LOOKS, Instances
from snapshots.plan import Network, Plan, Target, check_machines, find_network
from snapshots.progress import Leftover, Progress
from snapshots.ssm import Commands
from snapshots.undo import Made, UndoStack
from snapshots.waiting import Clock, wait_until


@dataclass(frozen=True)
class Built:
    """A snapshot that is complete."""

    id: str
    target: Target
    reused: bool


class Builder:
    """Builds what a plan says."""

    def __init__(
        self,
        aws: Aws,
        plan: Plan,
        *,
        clock: Clock,
        progress: Progress,
        new_id: Callable[[], str] = lambda: secrets.token_hex(6),
    ) -> None:
        self._aws = aws
        self._plan = plan
        self._limits = plan.request.limits
        self._clock = clock
        self._progress = progress
        self._new_id = new_id
        self._catalog = Catalog(aws.ec2)
        self._instances = Instances(aws, plan.request, clock=clock, progress=progress)
        self.left: list[Leftover] = []

    def build(self, done: Callable[[Built], None]) -> None:
        """Make all of them; those that are complete stay, whatever becomes of the others.

        Args:
            done: is told of each as soon as it is complete.

        Raises:
            OptionError: an option is wrong; nothing was made.
            SnapshotsError: a step failed.
            LeftBehindError: all are complete, but something else could not be removed.
            KeyboardInterrupt: the user asked to stop.
        """
        reused = {target: found for target in self._plan.targets if (found := self._reusable(target))}
        network: Network | None = None
        if len(reused) < len(self._plan.targets):
            check_machines(self._plan, self._aws)
            network = find_network(self._plan.request, self._aws)
        for target in self._plan.targets:
            if target in reused:
                done(Built(reused[target].id, target, reused=True))
                continue
            assert network is not None
            self._build(target, network, done)
        if self.left:
            raise LeftBehindError(f"not removed, see above: {'; '.join(map(str, self.left))}")

    def _reusable(self, target: Target) -> Snapshot | None:
        request = self._plan.request
        if not request.reuse:
            return None
        with step("looking for a snapshot to reuse"):
            return self._catalog.find(
                target.contents,
                encrypted=request.encrypt,
                kms_key=request.kms_key,
                size_gib=request.size_gib,
            )

    def _build(self, target: Target, network: Network, done: Callable[[Built], None]) -> None:
        undo = UndoStack(clock=self._clock, progress=self._progress)
        snapshot: Made | None = None
        try:
            snapshot = self._make(target, network, self._new_id(), undo)
        finally:
            try:
                if snapshot is not None:
                    undo.keep(snapshot)
                    done(Built(snapshot.id, target, reused=False))
            finally:
                self._clean(undo)

    def _clean(self, undo: UndoStack) -> None:
        interrupted = isinstance(sys.exception(), KeyboardInterrupt)
        try:
            self._progress.step("removing what is not needed any more")
        finally:
            try:
                undo.unwind(interrupted=interrupted)
            finally:
                self.left += undo.left

    def _make(self, target: Target, network: Network, build: str, undo: UndoStack) -> Made:
        name = f"darkroom-snapshot-{build}"
        tags = {"Name": name, BUILD: build}
        request, say = self._plan.request, self._progress.step
        profile = request.instance_profile
        if profile is None:
            say("making a role for the instance")
            profile = make_profile(self._aws, name=name, tags=tags, undo=undo)
        if not network.security_groups:
            group = self._instances.make_security_group(network, name=name, tags=tags, undo=undo)
            network = replace(network, security_groups=(group,))
        say(f"starting a {target.instance_type} with Bottlerocket {target.contents.bottlerocket}")
        instance = self._instances.start(target, network, profile=profile, build=build, tags=tags, undo=undo)
        self._fill(target, Commands(self._aws.ssm, instance, clock=self._clock, poll=self._limits.poll))
        say("stopping the instance")
        volume = self._instances.stop(instance)
        say("making the snapshot")
        return self._snapshot(target, volume, build, undo)

    def _fill(self, target: Target, commands: Commands) -> None:
        say, limits = self._progress.step, self._limits
        images = target.contents.images
        with step("reaching the instance by Systems Manager"):
            say("waiting until the instance reports to Systems Manager")
            wait_until(
                lambda: commands.is_online() or None,
                what="the instance did not report to Systems Manager: has its subnet a way out"
                " (public address, NAT or endpoints), and its profile AmazonSSMManagedInstanceCore?",
                limit=limits.online,
                pause=limits.poll,
                clock=self._clock,
            )
            say("waiting until the host is ready")
            wait_until(
                lambda: self._is_ready(commands),
                what="containerd and the admin container did not start",
                limit=limits.ready,
                pause=limits.poll,
                clock=self._clock,
            )
            commands.run(
                bottlerocket.prepare(limits.lifetime(len(images))),
                what="preparing the host",
                limit=limits.ready,
            )
        for number, image in enumerate(images, 1):
            say(f"pulling {number} of {len(images)}: {image}")
            with step(f"pulling {image}"):
                commands.run(bottlerocket.pull(image), what=f"pulling {image}", limit=limits.pull)
        say("checking that the kubelet will find them")
        with step("checking the images"):
            printed = commands.run(bottlerocket.list_managed(), what="listing the images", limit=limits.ready)
        if missing := bottlerocket.missing(images, printed):
            raise StepError(f"checking the images: not where the kubelet looks: {', '.join(missing)}")

    def _is_ready(self, commands: Commands) -> bool | None:
        try:
            commands.run(bottlerocket.ready(), what="asking the host", limit=self._limits.ready)
        except CommandFailedError:
            return None
        return True

    def _snapshot(self, target: Target, volume: str, build: str, undo: UndoStack) -> Made:
        contents, request = target.contents, self._plan.request
        made = undo.push("snapshot", f"tagged {BUILD}={build}", lambda: self._undo(made, build))
        with step("making the snapshot"):
            answer = self._aws.ec2.create_snapshot(
                VolumeId=volume,
                Description=f"Bottlerocket {contents.bottlerocket} data volume with container images",
                TagSpecifications=tag_specifications(
                    contents.tags(build=build, kms_key=request.kms_key), "snapshot"
                ),
            )
            made.id = answer["SnapshotId"]
            wait_until(
                lambda: self._is_complete(made.id),
                what=f"{made.id} complete",
                limit=self._limits.snapshot,
                pause=self._limits.poll,
                clock=self._clock,
            )
            # CreateSnapshot has no token: a call whose answer was lost, and that was sent again, made two.
            self._delete_others(build, made.id)
        return made

    def _is_complete(self, snapshot_id: str) -> bool | None:
        try:
            [found] = self._aws.ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"]
        except self._aws.ec2.exceptions.ClientError as exc:
            if exc.response["Error"]["Code"] == "InvalidSnapshot.NotFound":
                return None  # new ones are not seen at once
            raise
        if found["State"] == "error":
            raise StepError(f"{snapshot_id} failed: {found.get('StateMessage') or 'EC2 does not say why'}")
        self._progress.detail(f"{snapshot_id} {found.get('Progress', '')}".strip())
        return True if found["State"] == "completed" else None

    def _undo(self, made: Made, build: str) -> None:
        if made.id.startswith("snap-"):
            self._catalog.delete(made.id)
        for left in reversed(range(LOOKS)):
            if self._delete_others(build, made.id) or made.id.startswith("snap-"):
                return
            if left:
                self._clock.sleep(self._limits.poll)

    def _delete_others(self, build: str, known: str) -> bool:
        """Delete what else was made in this build; whether there was anything."""
        others = [one.id for one in self._catalog.all((BUILD, build)) if one.id != known]
        for one in others:
            self._catalog.delete(one)
        return bool(others)
