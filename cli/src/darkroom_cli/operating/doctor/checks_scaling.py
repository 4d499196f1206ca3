"""Checks of what starts pods: the cluster, KEDA's scaled object, the autoscaler, the Deployment."""

from collections.abc import Iterator

from darkroom_cli.operating.doctor.findings import Finding, note, problem
from darkroom_cli.operating.doctor.scene import Json, Lane, Scene, condition, name_of

_PAUSED = (
    "autoscaling.keda.sh/paused",
    "autoscaling.keda.sh/paused-replicas",
    "autoscaling.keda.sh/paused-scale-out",
)
_STARTING = 120.0  # seconds in which KEDA looks at the queue and a pod is made


class ClusterSeen:
    """The cluster can be asked."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield why it could not."""
        for blind in scene.blind:
            if blind.what == "the cluster":
                yield problem(
                    "cluster-unreachable",
                    scene.stack,
                    blind.why,
                    "The cluster's stack has to be there (cdk deploy --all), your policies have to let you"
                    " take its AccessRoleArn, and with network.publicApi: false you have to be inside the"
                    " VPC. Or run `kubectl proxy` where kubectl works, and give --kubernetes"
                    " http://127.0.0.1:8001",
                )


class ScalersRun:
    """KEDA and Karpenter run."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is wrong with them."""
        if scene.platform is None:
            return
        for code, thing, where, name in (
            ("keda-down", scene.platform.keda, "keda", "keda-operator"),
            ("karpenter-down", scene.platform.karpenter, "kube-system", "karpenter"),
        ):
            if thing is None or not (thing.get("status") or {}).get("readyReplicas"):
                state = "is not there" if thing is None else "has no pod that is ready"
                yield problem(
                    code,
                    name,
                    f"the deployment {name} {state}",
                    f"kubectl -n {where} get pods, and describe what is not ready; the nodes of systemNodes"
                    " have to have room for it. Deploy the cluster's stack again where it is missing",
                )


class Released:
    """The runtime's chart is there."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is missing."""
        for lane in scene.lanes:
            if lane.workload is None:
                continue
            if lane.workload.deployment is None:
                yield problem(
                    "deployment-missing",
                    lane.name,
                    "the cluster has no Deployment of this runtime",
                    "Its stack was not deployed, or failed: npx cdk deploy"
                    f" {scene.stack.removesuffix('Stack')}Runtime-{lane.name}, or cdk deploy --all",
                )
            elif lane.workload.scaled_object is None:
                yield problem(
                    "scaled-object-missing",
                    lane.name,
                    "KEDA has no ScaledObject for it: nothing starts pods",
                    "Set runtime.scaling.enabled to true in its extraValues and deploy, or scale it by hand:"
                    f" kubectl scale deployment/{name_of(lane.workload.deployment)} --replicas 1",
                )


class Scaled:
    """KEDA reads the queue and may start pods."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is wrong with it."""
        for lane in scene.lanes:
            if lane.workload is not None and lane.workload.scaled_object is not None:
                yield from self._one(lane, lane.workload.scaled_object)

    def _one(self, lane: Lane, scaled: Json) -> Iterator[Finding]:
        marks = (scaled.get("metadata") or {}).get("annotations") or {}
        for mark in _PAUSED:
            if str(marks.get(mark, "false")).lower() != "false":
                yield problem(
                    "scaling-paused",
                    lane.name,
                    f"somebody paused its scaling ({mark}: {marks[mark]})",
                    f"kubectl annotate scaledobject {name_of(scaled)} {mark}-",
                )
        ready = condition(scaled, "Ready")
        if ready is not None and ready.status == "False":
            yield problem(
                "scaler-not-ready",
                lane.name,
                f"KEDA cannot scale it: {ready.said}",
                "The queue's URL has to be right, and keda-operator's role (Pod Identity) has to have"
                " sqs:GetQueueAttributes on it: kubectl -n keda logs deployment/keda-operator",
            )
        most = (scaled.get("spec") or {}).get("maxReplicaCount")
        if most == 0:
            yield problem(
                "no-pods-allowed",
                lane.name,
                "its maxReplicaCount is 0",
                "Set runtime.scaling.maxReplicaCount in its extraValues and deploy",
            )


class Enough:
    """There are as many pods as the queue asks for, or they are on their way."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what holds them."""
        for lane in scene.lanes:
            workload = lane.workload
            if workload is None or workload.deployment is None or not lane.waiting:
                continue
            wanted = int((workload.deployment.get("spec") or {}).get("replicas", 0))
            failing = condition(workload.deployment, "ReplicaFailure")
            if failing is not None and failing.status == "True":
                yield problem(
                    "pods-refused",
                    lane.name,
                    f"Kubernetes makes no pods: {failing.said}",
                    "A quota, a policy or a webhook of the cluster refuses them: mend what the message names",
                )
            if wanted == 0 and workload.scaled_object is not None and _old(lane):
                yield problem(
                    "not-woken",
                    lane.name,
                    "tasks wait, and KEDA keeps the runtime at 0 pods",
                    "kubectl describe scaledobject: its condition Active, and the queue that it names; then"
                    " the log of keda-operator",
                )
            most = int(((workload.scaled_object or {}).get("spec") or {}).get("maxReplicaCount", 0))
            if most and wanted >= most:
                yield note(
                    "at-most-pods",
                    lane.name,
                    f"all {most} pods that it may have are at work, and tasks wait",
                    "Raise runtime.scaling.maxReplicaCount (docs/operate/scaling.md), if nodes and quotas"
                    " allow",
                )


def _old(lane: Lane) -> bool:
    return lane.queue is not None and (lane.queue.age is None or lane.queue.age >= _STARTING)
