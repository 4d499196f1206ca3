"""Checks of what pods run on: node pools, claims on instances, quotas, nodes."""

from collections.abc import Iterator

from darkroom_cli.operating.doctor.findings import Finding, note, problem
from darkroom_cli.operating.doctor.scene import Json, Lane, Scene, condition, name_of

LEAST_VCPUS = 4.0  # of the smallest instance with a GPU, g4dn.xlarge or g5.xlarge
_DRIVER_TAINT = "s3.csi.aws.com/agent-not-ready"
# What EC2 calls the reasons for which it starts no instance; Karpenter passes them on.
_QUOTA = ("VcpuLimitExceeded", "MaxSpotInstanceCountExceeded")
_CAPACITY = (
    "InsufficientInstanceCapacity",
    "InsufficientCapacity",
    "UnfulfillableCapacity",
    "insufficient capacity",
)
_ROLE = ("ServiceLinkedRole", "service-linked role")
_DENIED = ("UnauthorizedOperation", "is not authorized to perform")
_LIMITS = ("exceed limits for nodepool", "limits have been exhausted for nodepool")
_CLASS_PARTS = (
    "SubnetsReady",
    "SecurityGroupsReady",
    "AMIsReady",
    "InstanceProfileReady",
    "ValidationSucceeded",
)


class NodesDefined:
    """The node pool and its class are good, and have room."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is wrong with them."""
        for lane in scene.lanes:
            if lane.workload is not None:
                yield from self._node_class(lane, lane.workload.node_class)
                yield from self._limits(lane)

    def _node_class(self, lane: Lane, node_class: Json | None) -> Iterator[Finding]:
        ready = condition(node_class, "Ready")
        if ready is None or ready.status != "False":
            return
        parts = [
            one for kind in _CLASS_PARTS if (one := condition(node_class, kind)) and one.status == "False"
        ]
        said = "; ".join(part.said for part in parts) or ready.said
        yield problem(
            "node-class-not-ready",
            lane.name,
            f"Karpenter cannot use its EC2NodeClass: {said}",
            "Subnets and security groups have to be there, the Bottlerocket release (amiVersion) to exist,"
            " and the snapshot to be in this region: mend its extraValues and deploy",
        )

    def _limits(self, lane: Lane) -> Iterator[Finding]:
        assert lane.workload is not None, "asked for before"
        hit = [text for text in _texts(lane) if any(word in text for word in _LIMITS)]
        if hit:
            yield problem(
                "node-limit-reached",
                lane.name,
                f"its node pool has all that it may have: {hit[-1]}",
                "Raise karpenter.provisioner.resourceLimits in its extraValues and deploy",
            )


class InstancesStart:
    """EC2 gives the instances that Karpenter asks for."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield why it does not."""
        for lane in scene.lanes:
            if lane.workload is None:
                continue
            for code, words, do in _STARTS:
                hit = [text for text in _texts(lane) if any(word in text for word in words)]
                if hit:
                    yield problem(code, lane.name, f"no instance started: {hit[-1]}", do)
            for claim in lane.workload.claims:
                yield from self._claim(claim)

    def _claim(self, claim: Json) -> Iterator[Finding]:
        launched, registered, ready = (
            condition(claim, kind) for kind in ("Launched", "Registered", "Initialized")
        )
        if launched is not None and launched.status != "True":
            if not any(word in launched.said for _, words, _ in _STARTS for word in words):
                yield note(
                    "node-launching",
                    name_of(claim),
                    f"its instance has not started: {launched.said}",
                    "It takes seconds. If it stays: kubectl describe nodeclaim, and Karpenter's log",
                )
        elif registered is not None and registered.status != "True":
            yield note(
                "node-not-registered",
                name_of(claim),
                f"its instance runs and has not joined the cluster: {registered.said}",
                "It takes about a minute. If it stays: the nodes' role needs its access entry, and the"
                " subnets a way to EKS, EC2 and ECR (NAT or endpoints); Karpenter gives it up after 15"
                " minutes",
            )
        elif ready is not None and ready.status != "True":
            yield note(
                "node-not-initialized",
                name_of(claim),
                f"its node has joined and is not ready: {ready.said}",
                "The GPU has to be seen (device plugin) and start-up taints to go; kubectl describe node",
            )


class NodesReady:
    """Nodes are ready, and the driver of the models' volume with them."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is wrong with them."""
        for lane in scene.lanes:
            for node in lane.workload.nodes if lane.workload is not None else ():
                ready = condition(node, "Ready")
                if ready is not None and ready.status != "True":
                    yield problem(
                        "node-not-ready",
                        name_of(node),
                        f"the node is not ready: {ready.said}",
                        "kubectl describe node; Karpenter replaces nothing by itself: kubectl delete"
                        " nodeclaim takes it away, and its tasks return to the queue",
                    )
                taints = (node.get("spec") or {}).get("taints") or ()
                if any(taint.get("key") == _DRIVER_TAINT for taint in taints):
                    yield note(
                        "models-driver-not-ready",
                        name_of(node),
                        "the S3 driver has not said that it is ready, so no pod may start",
                        "It takes seconds. If it stays: kubectl -n kube-system get pods -l app=s3-csi-node",
                    )


class QuotasSuffice:
    """The account may have instances with GPUs."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is too low."""
        usable = [quota for quota in scene.quotas if quota.value >= LEAST_VCPUS]
        for quota in scene.quotas:
            if quota.value < LEAST_VCPUS:
                tell = note if usable else problem
                yield tell(
                    "quota-too-low",
                    quota.name,
                    f"it is {quota.value:g} vCPUs; the smallest instance with a GPU has {LEAST_VCPUS:g}",
                    f"aws service-quotas request-service-quota-increase --service-code ec2 --quota-code"
                    f" {quota.code} --desired-value 32; until then"
                    f" {'spot' if quota.spot else 'on-demand'} instances cannot start",
                )
        if scene.spot_role is False:
            yield note(
                "spot-role-missing",
                "the account",
                "it has no service-linked role for spot instances",
                "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com",
            )


def _texts(lane: Lane) -> list[str]:
    """Return what Karpenter and the scheduler said, oldest first: events, and conditions of claims."""
    assert lane.workload is not None, "asked for before"
    events = [
        f"{event.get('reason', '')}: {event.get('message', '')}"
        for event in lane.workload.events
        if event.get("type") == "Warning"
    ]
    launched = [condition(claim, "Launched") for claim in lane.workload.claims]
    return events + [one.said for one in launched if one is not None and one.status != "True"]


_STARTS = (
    (
        "quota-exceeded",
        _QUOTA,
        (
            "The account's quota of G and VT instances is used up: ask for more (L-DB2E81BA on demand,"
            " L-3819A6DF spot), or lower maxReplicaCount"
        ),
    ),
    (
        "no-capacity",
        _CAPACITY,
        (
            "AWS has none of these instances in these zones now; Karpenter keeps trying. More types in"
            " karpenter.provisioner.instanceType (g5, g6, g4dn), more zones, and on-demand beside spot help"
        ),
    ),
    (
        "spot-role-not-allowed",
        _ROLE,
        "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com, once in the account",
    ),
    (
        "karpenter-denied",
        _DENIED,
        (
            "Karpenter's role, a service control policy or the key of an encrypted snapshot forbids it; the"
            " message names the action"
        ),
    ),
)
