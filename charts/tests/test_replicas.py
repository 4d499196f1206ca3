"""The number of pods on an upgrade, with a stand-in for the API server that Helm looks at.

The stand-in does not apply what comes: `applied` says what server-side apply makes of the one field.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sd_on_eks_chart.testing import Helm

PATH = "/apis/apps/v1/namespaces/default/deployments/sdruntime"
KINDS = {
    "v1": ["ConfigMap", "PersistentVolume", "PersistentVolumeClaim", "ServiceAccount"],
    "apps/v1": ["Deployment"],
    "karpenter.k8s.aws/v1": ["EC2NodeClass"],
    "karpenter.sh/v1": ["NodePool"],
    "keda.sh/v1alpha1": ["ScaledObject", "TriggerAuthentication"],
    "networking.k8s.io/v1": ["NetworkPolicy"],
    "policy/v1": ["PodDisruptionBudget"],
}


def resources(group_version: str) -> dict[str, Any]:
    kinds = [
        {"name": f"{kind.lower()}s", "namespaced": True, "kind": kind, "verbs": ["get"]}
        for kind in KINDS[group_version]
    ]
    return {"kind": "APIResourceList", "groupVersion": group_version, "resources": kinds}


def group(group_version: str) -> dict[str, Any]:
    name, _, version = group_version.partition("/")
    known = {"groupVersion": group_version, "version": version}
    return {"name": name, "versions": [known], "preferredVersion": known}


ANSWERS: dict[str, dict[str, Any]] = {
    "/version": {"major": "1", "minor": "35", "gitVersion": "v1.35.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "groups": [group(known) for known in KINDS if "/" in known]},
    **{f"/{'apis' if '/' in known else 'api'}/{known}": resources(known) for known in KINDS},
}


HELM, HPA, KEDA, KUBECTL = "helm", "kube-controller-manager", "keda", "kubectl"


@dataclass(frozen=True)
class There:
    """The number of pods of a Deployment, and who has set it."""

    replicas: int
    owners: frozenset[str]

    @property
    def deployment(self) -> dict[str, Any]:
        template = {"manager": HELM, "operation": "Apply", "fieldsV1": {"f:spec": {"f:template": {}}}}
        status = {
            "manager": HPA,
            "operation": "Update",
            "subresource": "status",
            "fieldsV1": {"f:status": {}},
        }
        owned = [
            {"manager": owner, "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
            for owner in self.owners
        ]
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": "sdruntime",
                "namespace": "default",
                "labels": {"app.kubernetes.io/managed-by": "Helm"},
                "annotations": {
                    "meta.helm.sh/release-name": "sdruntime",
                    "meta.helm.sh/release-namespace": "default",
                },
                "managedFields": [template, status, *owned],
            },
            "spec": {"replicas": self.replicas},
        }


def there(replicas: int, *owners: str) -> There:
    return There(replicas, frozenset(owners))


class Conflict(Exception):  # noqa: N818 - the API server's word
    """What the API server says where another manager has set another number."""


def applied(before: There | None, told: int | None) -> There:
    """Return what there is after Helm's server-side apply."""
    if before is None:
        return there(1) if told is None else there(told, HELM)
    others = before.owners - {HELM}
    if told is None:
        # What Helm has set and leaves out goes, unless somebody else has set it too; then the default holds.
        kept = others or HELM not in before.owners
        return There(before.replicas if kept else 1, others)
    if others and told != before.replicas:
        raise Conflict(f"{told} instead of {before.replicas} of {sorted(others)}")
    return There(told, others | {HELM})


@contextmanager
def cluster(there: There | None) -> Iterator[str]:
    """A cluster that has the Deployment, or None; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            found = there.deployment if path == PATH and there is not None else ANSWERS.get(path)
            missing = {
                "kind": "Status",
                "apiVersion": "v1",
                "status": "Failure",
                "reason": "NotFound",
                "code": 404,
            }
            body = json.dumps(found or missing).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name for it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


SCALED, FIXED = {"enabled": True}, {"enabled": False}


@pytest.fixture(name="upgrade")
def _upgrade(helm: Helm, chart: Path, minimal: dict[str, Any]) -> Any:
    """Renders over what is there and applies it; returns what there is then."""

    def upgrade(before: There | None, scaling: dict[str, Any], **runtime: Any) -> There:
        values = {**minimal, "runtime": {**minimal["runtime"], "scaling": scaling, **runtime}}
        with cluster(before) as address:
            objects = helm.template(chart, values, api_server=address)
        (deployment,) = (obj for obj in objects if obj["kind"] == "Deployment")
        return applied(before, deployment["spec"].get("replicas"))

    return upgrade


@pytest.mark.parametrize(
    ("before", "least", "pods"),
    [
        (None, 0, 0),  # a new one starts no GPU
        (None, 2, 2),
        (there(0, HELM), 0, 0),
        (there(0, HELM, KEDA), 0, 0),
        (there(5, HPA), 0, 5),
        (there(5, HELM, HPA), 0, 5),
        (there(1, HPA), 2, 1),  # the HPA does the rest
        (there(2, HELM), 1, 2),  # left out, it would become 1
        (there(3), 0, 3),
    ],
)
def test_an_upgrade_leaves_the_number_to_keda(
    upgrade: Any, before: There | None, least: int, pods: int
) -> None:
    assert upgrade(before, SCALED | {"minReplicaCount": least}).replicas == pods


@pytest.mark.parametrize("owners", [(HPA,), (KEDA, HPA), (HELM, HPA)])
@pytest.mark.parametrize("pods", [0, 2, 5])
def test_turned_off_scaling_leaves_busy_pods_where_they_are(
    upgrade: Any, owners: tuple[str, ...], pods: int
) -> None:
    before = there(pods, *owners)
    after = upgrade(before, FIXED, replicas=2)
    assert after.replicas == pods
    assert upgrade(after, FIXED, replicas=2).replicas == pods


@pytest.mark.parametrize("owners", [(HELM,), (KUBECTL,), (HELM, KUBECTL), ()])
@pytest.mark.parametrize("pods", [0, 1, 3])
def test_turned_on_scaling_begins_with_the_pods_that_are_there(
    upgrade: Any, owners: tuple[str, ...], pods: int
) -> None:
    after = upgrade(there(pods, *owners), SCALED, replicas=3)
    assert after.replicas == pods
    assert upgrade(after, SCALED).replicas == pods


def test_off_and_on_again_loses_no_pod(upgrade: Any) -> None:
    fixed = upgrade(None, FIXED, replicas=3)
    scaled = upgrade(fixed, SCALED)
    assert (fixed.replicas, scaled.replicas) == (3, 3)
    busy = there(7, HPA)  # to another number, the HPA has made it its own
    assert upgrade(upgrade(busy, FIXED, replicas=3), SCALED).replicas == 7


def test_a_fixed_number_is_the_users_while_nobody_else_sets_it(upgrade: Any) -> None:
    first = upgrade(None, FIXED, replicas=3)
    assert upgrade(first, FIXED, replicas=5) == there(5, HELM)
    assert upgrade(first, FIXED, replicas=0) == there(0, HELM)
    assert upgrade(there(4, KUBECTL), FIXED, replicas=5).replicas == 4


def test_the_stand_in_refuses_what_the_api_server_would() -> None:
    with pytest.raises(Conflict):
        applied(there(5, HPA), 1)
    assert applied(there(5, HELM), None).replicas == 1
