"""All checks, in the order of a task's way."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from darkroom_cli.operating.doctor import (
    checks_dispatch,
    checks_nodes,
    checks_pods,
    checks_scaling,
    checks_task,
    checks_waiting,
)
from darkroom_cli.operating.doctor.findings import Finding, Severity
from darkroom_cli.operating.doctor.scene import Scene


class Check(Protocol):
    """Looks at a scene for one kind of cause."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what it finds."""
        ...


CHECKS: Sequence[Check] = (
    checks_dispatch.StackStands(),
    checks_dispatch.ApiAnswers(),
    checks_dispatch.FunctionsRun(),
    checks_task.TaskKnown(),
    checks_task.TaskEnded(),
    checks_task.TaskPublished(),
    checks_task.TaskServed(),
    checks_task.TaskCancelled(),
    checks_task.TaskHeld(),
    checks_dispatch.FilterLetsThrough(),
    checks_dispatch.LettersSettled(),
    checks_scaling.ClusterSeen(),
    checks_scaling.ScalersRun(),
    checks_scaling.Released(),
    checks_scaling.Scaled(),
    checks_scaling.Enough(),
    checks_nodes.QuotasSuffice(),
    checks_nodes.NodesDefined(),
    checks_nodes.InstancesStart(),
    checks_nodes.NodesReady(),
    checks_pods.PodsPlaced(),
    checks_pods.ContainersRun(),
    checks_pods.VolumesMounted(),
    checks_pods.RuntimesStart(),
    checks_pods.AgentsWork(),
    checks_waiting.QueuesMove(),
    checks_dispatch.Sighted(),
)


def examine(scene: Scene, checks: Sequence[Check] = CHECKS) -> list[Finding]:
    """Return what all checks find, problems first."""
    found = [finding for check in checks for finding in check.look(scene)]
    return sorted(found, key=lambda finding: finding.severity is not Severity.PROBLEM)
