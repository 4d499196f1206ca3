"""`darkroom doctor`: looks at everything, examines it, tells."""

import json
import time
from contextlib import ExitStack
from dataclasses import asdict

from rich.text import Text

from darkroom_cli.operating.doctor.checks import examine
from darkroom_cli.operating.doctor.cluster_source import ClusterSource
from darkroom_cli.operating.doctor.dispatch_source import DispatchSource
from darkroom_cli.operating.doctor.findings import Finding, Severity
from darkroom_cli.operating.doctor.kubernetes import ClusterError, Kubernetes
from darkroom_cli.operating.doctor.local_source import LocalSource
from darkroom_cli.operating.doctor.looking import Lookout
from darkroom_cli.operating.doctor.scene import Agent, Lane, Platform, Scene, Workload
from darkroom_cli.operating.errors import ProblemsFoundError
from darkroom_cli.operating.system import System
from darkroom_cli.terminal import Terminal
from darkroom_cli.trace_drawing import printable
from s3io.errors import SDK_ERRORS
from task_schema import RuntimeSpec
from task_store import DynamoTaskStore, Task

_CLUSTER = "the cluster"


def doctor(
    system: System,
    *,
    task_id: str | None,
    runtimes: tuple[str, ...],
    kubernetes: str | None,
    terminal: Terminal,
    as_json: bool = False,
) -> None:
    """Tell why tasks do not move.

    Raises:
        ProblemsFoundError: there is a problem; all are printed before.
        BadRequestOptionError: there is no such runtime.
    """
    with terminal.waiting(f"looking at {system.name}"):
        findings = examine(look(system, task_id=task_id, runtimes=runtimes, kubernetes=kubernetes))
    problems = [one for one in findings if one.severity is Severity.PROBLEM]
    if as_json:
        terminal.say(json.dumps([asdict(one) | {"page": one.page} for one in findings], indent=2))
    else:
        for one in findings:
            _print(one, terminal)
    if problems:
        told = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ProblemsFoundError(f"{told} found in {system.name}")
    if not as_json:
        terminal.remark(f"{system.name}: nothing is wrong")


def look(system: System, *, task_id: str | None, runtimes: tuple[str, ...], kubernetes: str | None) -> Scene:
    """Look at everything that concerns a task, some runtimes, or all; what does not answer is noted."""
    specs = system.runtimes(runtimes)
    source, lookout = DispatchSource(system), Lookout()
    task = lookout.at("the tasks table", lambda: _row(system, task_id)) if task_id is not None else None
    if task is not None and not runtimes:
        specs = tuple(spec for spec in specs if spec.name == task.runtime)
    cloud, names = system.state is None, tuple(spec.name for spec in specs)
    with ExitStack() as open_connections:
        cluster = _cluster(system, kubernetes, lookout)
        if cluster is not None:
            open_connections.callback(cluster.close)
        platform, workloads = _seen(cluster, specs, lookout)
        lanes = tuple(_lane(system, spec, source, lookout, workloads) for spec in specs)
        return Scene(
            now=int(time.time() * 1000),
            stack=system.stack,
            stack_status=system.stack_status,
            api=source.api(),
            lanes=lanes,
            known=tuple(spec.name for spec in system.deployment.runtimes),
            asked=task_id,
            task=task,
            functions=lookout.at("the functions", source.functions) or (),
            letters=lookout.at("dead letters", lambda: tuple(source.letters(names))) or (),
            quotas=(lookout.at("the quotas", source.quotas) or ()) if cloud else (),
            spot_role=lookout.at("the spot role", source.spot_role) if cloud else None,
            platform=platform,
            blind=tuple(lookout.blind),
            local=not cloud,
        )


def _row(system: System, task_id: str) -> Task | None:
    return DynamoTaskStore(system.aws("dynamodb"), system.outputs["TasksTable"]).get(task_id)


def _lane(
    system: System,
    spec: RuntimeSpec,
    source: DispatchSource,
    lookout: Lookout,
    workloads: dict[str, tuple[Workload, tuple[Agent, ...]]],
) -> Lane:
    queue = lookout.at(f"the queue of {spec.name}", lambda: source.queue(spec.name))
    # In a tuple, as there may be none: that is something else than not having been able to look.
    seen = lookout.at("the subscriptions", lambda: (source.subscription(spec.name),))
    subscription = None if seen is None else seen[0]
    workload, agents = workloads.get(spec.name, (None, ()))
    if system.state is not None:
        agents = LocalSource(system.state).agents(spec.name)
    return Lane(
        spec,
        queue,
        subscription,
        None if seen is None else subscription is not None,
        workload,
        agents,
    )


def _cluster(system: System, url: str | None, lookout: Lookout) -> Kubernetes | None:
    """Return the API of the deployment's cluster; the local system has none."""
    if url is not None:
        return Kubernetes.at(url)
    if system.state is not None:
        return None
    stack = f"{system.base}ClusterStack"
    try:
        [described] = system.aws("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        outputs = {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", ())}
        return Kubernetes.of_eks(outputs["ClusterName"], outputs["AccessRoleArn"], aws=system.aws)
    except SDK_ERRORS as exc:
        lookout.failed(_CLUSTER, f"the stack {stack} was not found: {exc}")
    except KeyError as exc:
        lookout.failed(_CLUSTER, f"the stack {stack} has no output {exc}: its deployment was not finished")
    except ClusterError as exc:
        lookout.failed(_CLUSTER, str(exc))
    return None


def _seen(
    cluster: Kubernetes | None, specs: tuple[RuntimeSpec, ...], lookout: Lookout
) -> tuple[Platform | None, dict[str, tuple[Workload, tuple[Agent, ...]]]]:
    if cluster is None:
        return None, {}
    source = ClusterSource(cluster)
    try:
        platform = source.platform()
        workloads = {spec.name: source.workload(spec.name) for spec in specs}
        return platform, {name: (workload, source.agents(workload)) for name, workload in workloads.items()}
    except ClusterError as exc:
        lookout.failed(_CLUSTER, str(exc))
        return None, {}


def _print(finding: Finding, terminal: Terminal) -> None:
    style = "bold red" if finding.severity is Severity.PROBLEM else "cyan"
    line = Text(f"{finding.severity}: ", style)
    line.append(printable(f"{finding.where}: {finding.what}"), "")
    terminal.out.print(line, soft_wrap=True)
    terminal.say(f"  do:   {printable(finding.do)}")
    terminal.say(f"  more: {finding.page}")
