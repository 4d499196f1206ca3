"""Each cause that `doctor` knows, made and found: a healthy deployment with one thing wrong at a time."""

import copy
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from darkroom_cli.operating.doctor import findings
from darkroom_cli.operating.doctor.checks import examine
from darkroom_cli.operating.doctor.findings import Severity
from darkroom_cli.operating.doctor.scene import (
    Agent,
    ApiAnswer,
    Blind,
    Function,
    Lane,
    Letters,
    Platform,
    Queue,
    Quota,
    Scene,
    Subscription,
    Workload,
)
from task_schema import RuntimeSpec, Status, TaskCode, TaskError
from task_store import Task

NOW = 1_800_000_000_000
NAME = "sdruntime"
WARNING = "Warning"


def conditions(**those: str | tuple[str, str, str]) -> dict[str, Any]:
    made = []
    for kind, said in those.items():
        status, reason, message = (said, "", "") if isinstance(said, str) else said
        made.append({"type": kind, "status": status, "reason": reason, "message": message})
    return {"conditions": made}


def named(name: str, **rest: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default"}, **rest}


def pod(**status: Any) -> dict[str, Any]:
    return named(
        "sdruntime-1", status={"phase": "Running", **conditions(PodScheduled="True", Ready="True"), **status}
    )


def event(reason: str, message: str, kind: str = "Pod") -> dict[str, Any]:
    return {
        "type": WARNING,
        "reason": reason,
        "message": message,
        "involvedObject": {"kind": kind, "name": "x"},
    }


def workload(**changes: Any) -> Workload:
    whole: dict[str, Any] = {
        "deployment": named(NAME, spec={"replicas": 1}, status=conditions(Available="True")),
        "scaled_object": named(
            NAME, spec={"maxReplicaCount": 20}, status=conditions(Ready="True", Active="True")
        ),
        "autoscaler": named("keda-hpa-sdruntime"),
        "node_pool": named("default.sdruntime"),
        "node_class": named("default.sdruntime", status=conditions(Ready="True")),
        "pods": (pod(),),
        "claims": (
            named("claim-1", status=conditions(Launched="True", Registered="True", Initialized="True")),
        ),
        "nodes": (named("node-1", spec={"taints": []}, status=conditions(Ready="True")),),
    }
    return Workload(**copy.deepcopy(whole) | changes)


def lane(**changes: Any) -> Lane:
    whole: dict[str, Any] = {
        "spec": RuntimeSpec(name=NAME, type="sdwebui", model_filename="a.safetensors"),
        "queue": Queue(0, 0),
        "subscription": Subscription((NAME,)),
        "subscribed": True,
        "workload": workload(),
        "agents": (Agent("sdruntime-1", alive=True, ready=True),),
    }
    return Lane(**whole | changes)


RUNNING = named("scaler", status={"readyReplicas": 2})
SPOT = Quota("All G and VT Spot Instance Requests", "L-3819A6DF", 64, spot=True)
ON_DEMAND = Quota("Running On-Demand G and VT instances", "L-DB2E81BA", 64, spot=False)


def scene(**changes: Any) -> Scene:
    whole: dict[str, Any] = {
        "now": NOW,
        "stack": "sdoneksStack",
        "stack_status": "UPDATE_COMPLETE",
        "api": ApiAnswer(200),
        "lanes": (lane(),),
        "known": (NAME,),
        "functions": (Function("validator"),),
        "letters": (Letters("dead-letters", NAME, 0), Letters("unrouted", "unrouted", 0)),
        "quotas": (ON_DEMAND, SPOT),
        "spot_role": True,
        "platform": Platform(RUNNING, RUNNING),
    }
    return Scene(**whole | changes)


def task(status: Status = Status.QUEUED, **changes: Any) -> Task:
    whole: dict[str, Any] = {
        "id": "t1", "submission": "s", "status": status, "runtime": NAME, "tasktype": "text-to-image",
        "prefix": "output", "api_version": "v1alpha2", "body_hash": "h",
        "created_at": NOW - 600_000, "room": 100,
        "published_at": NOW - 599_000,
    }  # fmt: skip
    return Task(**whole | changes)


def asked(row: Task | None, **changes: Any) -> Scene:
    return scene(asked="t1", task=row, **changes)


def with_lane(**changes: Any) -> Scene:
    return scene(lanes=(lane(**changes),))


def with_workload(**changes: Any) -> Scene:
    return with_lane(workload=workload(**changes), queue=Queue(5, 0, 300), agents=())


def with_pod(waiting: dict[str, str] | None = None, last: dict[str, Any] | None = None) -> Scene:
    state = {
        "name": "runtime",
        "restartCount": 7,
        "state": {"waiting": waiting} if waiting else {"running": {}},
        "lastState": {"terminated": last} if last else {},
    }
    broken = pod(initContainerStatuses=[state], **conditions(PodScheduled="True", Ready="False"))
    return with_workload(pods=(broken,))


def launched(reason: str, message: str) -> Scene:
    claim = named("claim-1", status=conditions(Launched=("Unknown", reason, message)))
    return with_workload(claims=(claim,), nodes=(), pods=())


def agent(**changes: Any) -> Scene:
    whole: dict[str, Any] = {"name": "sdruntime-1", "alive": True, "ready": False}
    return with_lane(agents=(Agent(**whole | changes),))


UNPLACED = pod(**conditions(PodScheduled=("False", "Unschedulable", "0/2 nodes are available")))
ENDED = {"finished_at": NOW - 1000, "notified_at": NOW}
OUT_OF_MEMORY = TaskError(code=TaskCode.OUT_OF_MEMORY, message="the GPU is too small", retryable=True)
PAUSED = named(NAME, spec={}, status=conditions(Ready="True"))
PAUSED["metadata"]["annotations"] = {"autoscaling.keda.sh/paused": "true"}
UNREADY = conditions(Ready=("False", "ScaledObjectCheckFailed", "AccessDenied"))
FLEET = "creating instance, insufficient capacity, with fleet error(s), InsufficientInstanceCapacity: none"
LIMIT = "all available instance types exceed limits for nodepool (NodePool=default.sdruntime)"
VCPUS = "with fleet error(s), VcpuLimitExceeded: you have asked for more than your limit"
STARTING = pod(initContainerStatuses=[{"name": "runtime", "started": False, "state": {"running": {}}}])
BAD_CLASS = named(
    "c", status=conditions(Ready="False", AMIsReady=("False", "AMINotFound", "no such release"))
)
TAINTED = named(
    "node-1",
    spec={"taints": [{"key": "s3.csi.aws.com/agent-not-ready"}]},
    status=conditions(Ready="True"),
)

CASES: dict[str, tuple[Scene, str]] = {
    "task-unknown": (asked(None), "no such id"),
    "task-failed": (asked(task(Status.FAILED, error=OUT_OF_MEMORY, **ENDED)), "out_of_memory: the GPU"),
    "task-ended": (asked(task(Status.SUCCEEDED, **ENDED)), "succeeded"),
    "task-not-told": (asked(task(Status.SUCCEEDED, finished_at=NOW)), "not told"),
    "task-not-published": (asked(task(published_at=None)), "never reached the topic"),
    "runtime-gone": (asked(task(runtime="gone")), "gone"),
    "cancel-pending": (
        asked(task(Status.RUNNING, cancel_requested=True, started_at=NOW - 90_000, lease_until=NOW + 1)),
        "cancelled",
    ),
    "agent-lost": (asked(task(Status.RUNNING, lease_until=NOW - 90_000, attempts=2)), "90 s (attempt 2)"),
    "task-running": (asked(task(Status.RUNNING, lease_until=NOW + 1, progress=0.5, attempts=1)), "50% done"),
    "stack-in-progress": (scene(stack_status="UPDATE_IN_PROGRESS"), "UPDATE_IN_PROGRESS"),
    "stack-failed": (scene(stack_status="UPDATE_ROLLBACK_COMPLETE"), "UPDATE_ROLLBACK_COMPLETE"),
    "api-unreachable": (scene(api=ApiAnswer(None, "ConnectError: refused")), "refused"),
    "api-key-refused": (scene(api=ApiAnswer(401)), "401"),
    "api-throttled": (scene(api=ApiAnswer(429)), "throttles"),
    "api-failing": (scene(api=ApiAnswer(502, "no body")), "502"),
    "function-stopped": (scene(functions=(Function("validator", reserved=0),)), "never runs"),
    "function-failed": (scene(functions=(Function("validator", state="Failed"),)), "Failed"),
    "queue-not-subscribed": (with_lane(subscription=None, subscribed=False), "not subscribed"),
    "subscription-pending": (with_lane(subscription=Subscription((), confirmed=False)), "never confirmed"),
    "filter-without-runtime": (with_lane(subscription=Subscription(("other",))), "lets through other"),
    "dead-letters": (scene(letters=(Letters("dead-letters", NAME, 3),)), "3 messages"),
    "undelivered": (scene(letters=(Letters("undelivered", NAME, 1),)), "could not be put"),
    "unrouted": (scene(letters=(Letters("unrouted", "unrouted", 2),)), "name no runtime"),
    "webhook-dead-letters": (scene(letters=(Letters("webhook-dead-letters", "w", 2),)), "given up"),
    "cluster-unreachable": (scene(platform=None, blind=(Blind("the cluster", "timed out"),)), "timed out"),
    "not-looked-at": (scene(blind=(Blind("the quotas", "AccessDenied"),)), "AccessDenied"),
    "keda-down": (scene(platform=Platform(None, RUNNING)), "is not there"),
    "karpenter-down": (scene(platform=Platform(RUNNING, named("karpenter", status={}))), "no pod"),
    "deployment-missing": (with_workload(deployment=None), "no Deployment"),
    "scaled-object-missing": (with_workload(scaled_object=None), "nothing starts pods"),
    "scaling-paused": (with_workload(scaled_object=PAUSED), "autoscaling.keda.sh/paused"),
    "scaler-not-ready": (with_workload(scaled_object=named(NAME, status=UNREADY)), "AccessDenied"),
    "no-pods-allowed": (with_workload(scaled_object=named(NAME, spec={"maxReplicaCount": 0})), "is 0"),
    "pods-refused": (
        with_workload(
            deployment=named(NAME, spec={}, status=conditions(ReplicaFailure=("True", "Failed", "quota")))
        ),
        "quota",
    ),
    "not-woken": (with_workload(deployment=named(NAME, spec={"replicas": 0}), pods=()), "at 0 pods"),
    "at-most-pods": (with_workload(deployment=named(NAME, spec={"replicas": 20})), "all 20 pods"),
    "quota-too-low": (scene(quotas=(replace(ON_DEMAND, value=0), replace(SPOT, value=0))), "0 vCPUs"),
    "spot-role-missing": (scene(spot_role=False), "service-linked role"),
    "node-class-not-ready": (with_workload(node_class=BAD_CLASS), "AMINotFound: no such release"),
    "node-limit-reached": (with_workload(events=(event("FailedScheduling", LIMIT),)), "exceed limits"),
    "quota-exceeded": (launched("LaunchFailed", VCPUS), "VcpuLimitExceeded"),
    "no-capacity": (
        with_workload(events=(event("InsufficientCapacityError", FLEET, "NodeClaim"),)),
        "InsufficientInstanceCapacity",
    ),
    "spot-role-not-allowed": (
        launched("LaunchFailed", "AuthFailure.ServiceLinkedRoleCreationNotPermitted"),
        "ServiceLinkedRole",
    ),
    "karpenter-denied": (launched("LaunchFailed", "UnauthorizedOperation: ec2:RunInstances"), "RunInstances"),
    "node-launching": (launched("", "waiting"), "waiting"),
    "node-not-registered": (
        with_workload(claims=(named("c", status=conditions(Launched="True", Registered="Unknown")),)),
        "not joined",
    ),
    "node-not-initialized": (
        with_workload(
            claims=(named("c", status=conditions(Launched="True", Registered="True", Initialized="Unknown")),)
        ),
        "is not ready",
    ),
    "node-not-ready": (
        with_workload(nodes=(named("n", status=conditions(Ready=("Unknown", "NodeStatusUnknown", ""))),)),
        "NodeStatusUnknown",
    ),
    "models-driver-not-ready": (with_workload(nodes=(TAINTED,)), "S3 driver"),
    "pod-unschedulable": (with_workload(pods=(UNPLACED,), claims=()), "0/2 nodes"),
    "image-not-pulled": (with_pod({"reason": "ImagePullBackOff", "message": "not found"}), "not found"),
    "container-not-made": (with_pod({"reason": "CreateContainerConfigError", "message": "no one"}), "no one"),
    "out-of-memory": (with_pod({"reason": "CrashLoopBackOff"}, {"reason": "OOMKilled"}), "memory"),
    "container-crashes": (
        with_pod({"reason": "CrashLoopBackOff"}, {"exitCode": 3}),
        "7 times, last with exit code 3",
    ),
    "models-not-mounted": (
        with_workload(pods=(), events=(event("FailedMount", "bucket does not exist"),)),
        "bucket does not exist",
    ),
    "runtime-starting": (with_workload(pods=(STARTING,)), "startup probe"),
    "runtime-not-answering": (agent(runtime_answers=False), "does not answer"),
    "agent-not-answering": (agent(alive=False), "does not answer"),
    "agent-not-ready": (agent(reasons=("runtime not ready",)), "runtime not ready"),
    "breaker-open": (agent(reasons=("breaker open",)), "breaker open"),
    "warm-up-failed": (agent(reasons=("warm-up failed",)), "warm-up failed"),
    "agent-stopping": (agent(reasons=("stopping",)), "stopping"),
    "agents-take-nothing": (with_lane(queue=Queue(4, 0, 300)), "none is in hand"),
    "agent-missing": (replace(with_lane(agents=(), workload=None), local=True), "no agent"),
    "tasks-waiting": (with_lane(queue=Queue(3, 1, 20)), "3 tasks wait, the oldest for 20 s; 1 are in hand"),
}  # fmt: skip
NOTES = {
    "agent-stopping",
    "api-throttled",
    "at-most-pods",
    "cancel-pending",
    "models-driver-not-ready",
    "node-launching",
    "node-not-initialized",
    "node-not-registered",
    "not-looked-at",
    "runtime-starting",
    "spot-role-missing",
    "stack-in-progress",
    "task-ended",
    "task-not-told",
    "task-running",
    "tasks-waiting",
}


@pytest.mark.parametrize("code", CASES)
def test_a_cause_is_found_and_says_what_to_do(code: str) -> None:
    seen, words = CASES[code]
    found = [finding for finding in examine(seen) if finding.code == code]
    assert [words in finding.what for finding in found].count(True) >= 1, found
    assert all(len(finding.do) > 10 for finding in found)
    expected = Severity.NOTE if code in NOTES else Severity.PROBLEM
    assert {finding.severity for finding in found} == {expected}


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert examine(scene()) == []


@pytest.mark.parametrize(
    "quiet",
    [
        asked(task(created_at=NOW - 5_000, published_at=None)),
        with_lane(
            queue=Queue(0, 0), workload=workload(deployment=named(NAME, spec={"replicas": 0}), pods=())
        ),
        with_lane(queue=Queue(1, 1, 300), workload=None),
        scene(quotas=()),
    ],
    ids=["just recorded", "asleep without work", "busy", "no right to read quotas"],
)
def test_what_is_as_it_should_be_is_no_problem(quiet: Scene) -> None:
    assert [finding for finding in examine(quiet) if finding.severity is Severity.PROBLEM] == []


@pytest.mark.parametrize("status", [301, 404, 500])
def test_an_api_that_answers_anything_but_yes_is_a_problem(status: int) -> None:
    [finding] = examine(scene(api=ApiAnswer(status, "<html>")))
    assert (finding.code, finding.severity) == ("api-failing", Severity.PROBLEM)


def test_problems_come_before_notes() -> None:
    both = scene(stack_status="UPDATE_IN_PROGRESS", api=ApiAnswer(None, "gone"))
    assert [finding.severity for finding in examine(both)] == [Severity.PROBLEM, Severity.NOTE]


def test_one_quota_that_is_enough_makes_the_other_a_note() -> None:
    [finding] = examine(scene(quotas=(replace(ON_DEMAND, value=0), SPOT)))
    assert (finding.code, finding.severity) == ("quota-too-low", Severity.NOTE)
    assert "L-DB2E81BA" in finding.do


def test_a_pod_whose_node_is_on_its_way_is_no_problem() -> None:
    coming = named("claim-1", status=conditions(Launched="True", Registered="Unknown"))
    found = examine(with_workload(pods=(UNPLACED,), claims=(coming,)))
    assert {finding.severity for finding in found} == {Severity.NOTE}


def test_the_page_explains_each_code_and_no_other() -> None:
    page = next(
        path for folder in Path(__file__).parents if (path := folder / findings.PAGE).is_file()
    ).read_text()
    explained = re.findall(r"^### ([a-z-]+)$", page, re.MULTILINE)
    assert sorted(explained) == sorted(CASES)


def test_no_cause_brings_a_code_that_the_table_lacks() -> None:
    told = {finding.code for seen, _ in CASES.values() for finding in examine(seen)}
    assert told == set(CASES)
