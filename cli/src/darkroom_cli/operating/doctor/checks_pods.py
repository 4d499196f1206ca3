"""Checks of what works on tasks: pods, their containers and volumes, and the agents in them."""

from collections.abc import Iterator

from darkroom_cli.operating.doctor.findings import Finding, note, problem
from darkroom_cli.operating.doctor.scene import Agent, Json, Lane, Scene, condition, name_of

_PULLS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName")
_CONFIGURES = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_MOUNTS = ("FailedMount", "FailedAttachVolume", "FailedBinding", "ProvisioningFailed")


class PodsPlaced:
    """Pods have a node, or one is coming."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what holds them."""
        for lane in scene.lanes:
            workload = lane.workload
            for pod in workload.pods if workload is not None else ():
                scheduled = condition(pod, "PodScheduled")
                if scheduled is None or scheduled.status != "False":
                    continue
                assert workload is not None, "the pod is its"
                if workload.claims:
                    do = "A node is on its way; see what is told about it here"
                else:
                    do = (
                        "Karpenter has asked for no instance: kubectl -n kube-system logs"
                        " deployment/karpenter names the requirement that no instance type meets (types,"
                        " zones, resources, taints)"
                    )
                tell = note if workload.claims else problem
                yield tell("pod-unschedulable", name_of(pod), f"no node takes it: {scheduled.message}", do)


class ContainersRun:
    """Images are pulled, and containers stay up."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is wrong with them."""
        for lane in scene.lanes:
            for pod in lane.workload.pods if lane.workload is not None else ():
                for container in _containers(pod):
                    yield from self._one(pod, container)

    def _one(self, pod: Json, container: Json) -> Iterator[Finding]:
        where = f"{name_of(pod)}/{container.get('name')}"
        log = f"kubectl logs {name_of(pod)} -c {container.get('name')} --previous"
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        last = (container.get("lastState") or {}).get("terminated") or {}
        if reason in _PULLS:
            yield problem(
                "image-not-pulled",
                where,
                f"its image cannot be pulled: {message or reason}",
                "Does the repository have this tag, in this region, for x86, and may the nodes' role read it?"
                " inferenceApi.image and queueAgent.image in the runtime's extraValues",
            )
        elif reason in _CONFIGURES:
            yield problem(
                "container-not-made",
                where,
                f"{reason}: {message}",
                "Something that it names is missing: a ConfigMap, a Secret, a command; mend its extraValues",
            )
        elif last.get("reason") == "OOMKilled":
            yield problem(
                "out-of-memory",
                where,
                "it took more memory than it may, and was killed",
                "Raise resources of inferenceApi or queueAgent in the runtime's extraValues, and take an"
                " instance type with more memory",
            )
        elif reason == "CrashLoopBackOff":
            code = last.get("exitCode", "?")
            yield problem(
                "container-crashes",
                where,
                f"it ended {container.get('restartCount', 0)} times, last with exit code {code}",
                f"{log} tells why: a model that is missing or broken, a GPU or driver that is not seen, a"
                " wrong argument",
            )


class VolumesMounted:
    """The models' volume is there."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is wrong with it."""
        for lane in scene.lanes:
            events = lane.workload.events if lane.workload is not None else ()
            hit = [event for event in events if event.get("reason") in _MOUNTS]
            if hit and _unready(lane):
                yield problem(
                    "models-not-mounted",
                    lane.name,
                    f"the models' volume: {hit[-1].get('message', '')}",
                    "modelBucketArn has to name a bucket in this region that the S3 driver's role may list"
                    " and read: ./darkroom models list; then kubectl -n mount-s3 get pods",
                )


class RuntimesStart:
    """Runtimes get ready."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield those that are not."""
        for lane in scene.lanes:
            for pod in lane.workload.pods if lane.workload is not None else ():
                for container in (pod.get("status") or {}).get("initContainerStatuses") or ():
                    if "running" in (container.get("state") or {}) and container.get("started") is False:
                        yield note(
                            "runtime-starting",
                            name_of(pod),
                            f"{container.get('name')} has not answered its startup probe yet",
                            f"A model takes seconds to minutes: kubectl logs {name_of(pod)} -c"
                            f" {container.get('name')}. If it is cut off, raise inferenceApi.startupSeconds",
                        )


class AgentsWork:
    """Agents live, are ready, and take tasks."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is wrong with them."""
        for lane in scene.lanes:
            for agent in lane.agents:
                yield from self._one(agent, local=scene.local)
            if lane.agents and all(agent.ready for agent in lane.agents) and _stuck(lane):
                yield problem(
                    "agents-take-nothing",
                    lane.name,
                    "tasks wait, agents say that they are ready, and none is in hand",
                    "Their role has to have sqs:ReceiveMessage on the queue: the agent's log says what AWS"
                    " refused",
                )
            if scene.local and not lane.agents:
                yield problem(
                    "agent-missing", lane.name, "it has no agent", "./darkroom down, then ./darkroom up"
                )

    def _one(self, agent: Agent, *, local: bool) -> Iterator[Finding]:
        name = agent.name
        if agent.runtime_answers is False:
            yield problem(
                "runtime-not-answering",
                name,
                "the runtime behind this agent does not answer",
                "It is started again by itself; if it stays, its log says why"
                + (" (.darkroom/run/logs)" if local else ""),
            )
        if not agent.alive:
            yield problem(
                "agent-not-answering",
                name,
                "its agent does not answer",
                "It is started again by itself, and its tasks return within a minute; if it stays, read its"
                " log",
            )
        elif not agent.ready:
            reasons = ", ".join(agent.reasons) or "it gives no reason"
            code = next((code for words, code in _REASONS if words in reasons), "agent-not-ready")
            tell = note if code == "agent-stopping" else problem
            yield tell(code, name, f"its agent takes no tasks: {reasons}", _READY[code])


_REASONS = (
    ("breaker open", "breaker-open"),
    ("warm-up failed", "warm-up-failed"),
    ("stopping", "agent-stopping"),
)
_READY = {
    "breaker-open": "Three different tasks in a row failed by the runtime's fault: read the runtime's log. It"
    " is tried again by itself, after a minute at most",
    "warm-up-failed": "The first task of its own failed: the model does not load or the GPU does not work."
    " Read the runtime's log",
    "agent-stopping": "The pod is being taken away; tasks that it has not started are back in the queue",
    "agent-not-ready": "The runtime has not come up: read its log; a model is loading, missing, or too large",
}


def _containers(pod: Json) -> list[Json]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _unready(lane: Lane) -> bool:
    pods = lane.workload.pods if lane.workload is not None else ()
    readiness = [condition(pod, "Ready") for pod in pods]
    return not readiness or any(ready is None or ready.status != "True" for ready in readiness)


def _stuck(lane: Lane) -> bool:
    queue = lane.queue
    return queue is not None and queue.visible > 0 and not queue.in_flight and (queue.age or 0) > 60
