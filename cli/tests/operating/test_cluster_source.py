"""A fake Kubernetes API over HTTP: which questions are asked, and what is made of the answers."""

import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.operating.doctor.cluster_source import ClusterSource, reasons_in
from darkroom_cli.operating.doctor.kubernetes import PAGE, ClusterError, Kubernetes, eks_token
from darkroom_cli.operating.doctor.scene import Agent
from darkroom_client.testing import Say, Seen, Server

APPS = "/apis/apps/v1"
MINE = "darkroom/runtime=sdruntime"


def made(name: str, **rest: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default"}, **rest}


def pod(name: str, *, ready: bool) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": str(ready)}]
    ports = [{"name": "health", "containerPort": 8081}]
    return made(
        name,
        spec={"containers": [{"name": "queue-agent", "ports": ports}]},
        status={"phase": "Running", "conditions": conditions},
    )


def event(kind: str, name: str, time: str) -> dict[str, Any]:
    return {"involvedObject": {"kind": kind, "name": name}, "reason": f"{name}@{time}", "lastTimestamp": time}


class FakeKubernetes:
    """Objects by path; a list answers only to the label selector that the chart's labels have."""

    def __init__(self) -> None:
        self.lists: dict[str, list[dict[str, Any]]] = {
            f"{APPS}/deployments": [made("sdruntime")],
            "/api/v1/pods": [pod("sdruntime-a", ready=True), pod("sdruntime-b", ready=False)],
            "/apis/keda.sh/v1alpha1/scaledobjects": [
                made("sdruntime", status={"hpaName": "keda-hpa-sdruntime"})
            ],
            "/apis/karpenter.sh/v1/nodeclaims": [made("default.sdruntime-x7")],
            "/apis/karpenter.sh/v1/nodepools": [made("default.sdruntime")],
            "/apis/karpenter.k8s.aws/v1/ec2nodeclasses": [made("default.sdruntime")],
            "/api/v1/nodes": [made("ip-10-0-0-1")],
        }
        self.unlabelled: dict[str, list[dict[str, Any]]] = {
            "/apis/autoscaling/v2/horizontalpodautoscalers": [made("other"), made("keda-hpa-sdruntime")],
            "/api/v1/namespaces/default/events": [
                event("Pod", "sdruntime-b", "2026-01-01T00:00:02Z"),
                event("NodeClaim", "default.sdruntime-x7", "2026-01-01T00:00:01Z"),
                event("Pod", "another-c", "2026-01-01T00:00:03Z"),
                event("Node", "sdruntime-b", "2026-01-01T00:00:04Z"),
            ],
        }
        self.objects: dict[str, dict[str, Any]] = {
            f"{APPS}/namespaces/keda/deployments/keda-operator": made("keda-operator"),
        }
        self.readyz = Say(503, {"reasons": ["breaker open"]})

    def __call__(self, seen: Seen) -> Say:
        if seen.path.endswith("/proxy/readyz"):
            return self.readyz
        if seen.path in self.objects:
            return Say(200, self.objects[seen.path])
        if seen.path in self.unlabelled:
            return self.page(seen, self.unlabelled[seen.path])
        if seen.path in self.lists:
            return Say(
                200, {"items": self.lists[seen.path] if seen.query.get("labelSelector") == MINE else []}
            )
        return Say(404, {"kind": "Status"})

    def page(self, seen: Seen, things: list[dict[str, Any]]) -> Say:
        """Answer with as much of a list as was asked for, and a token for the rest."""
        start = int(seen.query.get("continue", 0))
        stop = start + int(seen.query["limit"])
        rest = {"metadata": {"continue": str(stop)}} if stop < len(things) else {}
        return Say(200, {"items": things[start:stop], **rest})


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def fake(server: Server) -> FakeKubernetes:
    fake = FakeKubernetes()
    server.script = fake
    return fake


@pytest.fixture
def source(server: Server, fake: FakeKubernetes) -> Iterator[ClusterSource]:
    kubernetes = Kubernetes.at(server.url)
    yield ClusterSource(kubernetes)
    kubernetes.close()


def names(things: Any) -> list[str]:
    return [thing["metadata"]["name"] for thing in things]


def test_a_runtime_is_found_by_the_charts_label(source: ClusterSource, fake: FakeKubernetes) -> None:
    seen = source.workload("sdruntime")
    assert seen.deployment is not None
    assert seen.autoscaler is not None
    assert names([seen.deployment, seen.scaled_object, seen.autoscaler, seen.node_pool, seen.node_class]) == [
        "sdruntime",
        "sdruntime",
        "keda-hpa-sdruntime",
        "default.sdruntime",
        "default.sdruntime",
    ]
    assert names(seen.pods) == ["sdruntime-a", "sdruntime-b"]
    assert (names(seen.claims), names(seen.nodes)) == (["default.sdruntime-x7"], ["ip-10-0-0-1"])


def test_events_are_those_of_its_pods_and_claims_oldest_first(
    source: ClusterSource, fake: FakeKubernetes
) -> None:
    told = [one["reason"].partition("@")[0] for one in source.workload("sdruntime").events]
    assert told == ["default.sdruntime-x7", "sdruntime-b"]


def test_events_behind_many_others_are_found_too(source: ClusterSource, fake: FakeKubernetes) -> None:
    events = fake.unlabelled["/api/v1/namespaces/default/events"]
    events[:0] = [event("Pod", f"another-{number}", "2026-01-01T00:00:09Z") for number in range(2 * PAGE)]
    told = [one["reason"].partition("@")[0] for one in source.workload("sdruntime").events]
    assert told == ["default.sdruntime-x7", "sdruntime-b"]


def test_what_is_no_url_of_a_cluster_is_told_as_a_wrong_option() -> None:
    with pytest.raises(BadRequestOptionError, match=r"--kubernetes: 'http://127\.0\.0\.1:80x' is not a URL"):
        Kubernetes.at("http://127.0.0.1:80x")


def test_an_agent_that_is_not_ready_is_asked_why_through_the_api(
    source: ClusterSource, server: Server, fake: FakeKubernetes
) -> None:
    agents = source.agents(source.workload("sdruntime"))
    assert agents == (
        Agent("sdruntime-a", alive=True, ready=True),
        Agent("sdruntime-b", alive=True, ready=False, reasons=("breaker open",)),
    )
    assert server.asked()[-1] == "GET /api/v1/namespaces/default/pods/sdruntime-b:8081/proxy/readyz"


def test_an_agent_that_does_not_answer_is_not_alive(source: ClusterSource, fake: FakeKubernetes) -> None:
    fake.readyz = Say(502, b"no route to host")
    [_, agent] = source.agents(source.workload("sdruntime"))
    assert (agent.alive, agent.ready, agent.reasons) == (False, False, ())


def test_a_runtime_that_is_not_installed_has_nothing(source: ClusterSource, fake: FakeKubernetes) -> None:
    fake.lists = {}
    assert source.workload("sdruntime").deployment is None


def test_what_scales_may_be_missing(source: ClusterSource, fake: FakeKubernetes) -> None:
    platform = source.platform()
    assert platform.keda is not None
    assert platform.karpenter is None


@pytest.mark.parametrize(
    ("say", "why"),
    [
        (Say(403, {"kind": "Status"}), r"lets you not read .*keda-operator \(403\)"),
        (Say(500, b"oops"), "answers 500"),
        (Say(200, b"<html>"), "answers 200"),
        (Say(200, ["a list"]), "is not Kubernetes' API"),
        (Say(drop=True), "was not reached"),
    ],
    ids=["forbidden", "broken", "not JSON", "something else", "cut off"],
)
def test_an_api_that_is_of_no_use_says_why(server: Server, say: Say, why: str) -> None:
    server.script = lambda _: say
    kubernetes = Kubernetes.at(server.url)
    with pytest.raises(ClusterError, match=why):
        ClusterSource(kubernetes).platform()
    kubernetes.close()


def test_a_token_for_eks_is_a_signed_question_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    session = boto3.session.Session("AKIAEXAMPLE", "secret", "token", region_name="eu-west-1")
    prefix, _, coded = eks_token(session, "sdoneksStack").partition(".")
    url = base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    query = parse_qs(urlsplit(url).query)
    assert prefix == "k8s-aws-v1"
    assert url.startswith("https://sts.eu-west-1.amazonaws.com/?")
    assert query["Action"] == ["GetCallerIdentity"]
    assert query["X-Amz-SignedHeaders"] == ["host;x-k8s-aws-id"]
    assert query["X-Amz-Expires"] == ["60"]
    assert "=" not in coded


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"reasons": "text"}'])
def test_reasons_that_cannot_be_read_are_none(text: str) -> None:
    assert reasons_in(text) == ()
