"""The number of pods on an upgrade, with a stand-in for the API server that Helm looks at."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def cluster(replicas: int | None) -> Iterator[str]:
    """A cluster that has the Deployment with so many pods, or None; yields its address."""
    deployment = {
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
        },
        "spec": {"replicas": replicas},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            there = deployment if path == PATH and replicas is not None else ANSWERS.get(path)
            missing = {
                "kind": "Status",
                "apiVersion": "v1",
                "status": "Failure",
                "reason": "NotFound",
                "code": 404,
            }
            body = json.dumps(there or missing).encode()
            self.send_response(200 if there else 404)
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


@pytest.mark.parametrize(
    ("there", "least", "told"),
    [
        (None, 0, 0),  # a new one starts no GPU
        (0, 0, 0),  # left out, it would become 1
        (5, 0, None),  # KEDA's number
        (2, 2, 2),
        (1, 2, None),
    ],
)
def test_an_upgrade_leaves_the_number_to_keda(
    helm: Helm, chart: Path, minimal: dict[str, Any], *, there: int | None, least: int, told: int | None
) -> None:
    runtime = {**minimal["runtime"], "scaling": {"minReplicaCount": least}}
    with cluster(there) as address:
        objects = helm.template(chart, {**minimal, "runtime": runtime}, api_server=address)
    (deployment,) = (obj for obj in objects if obj["kind"] == "Deployment")
    assert deployment["spec"].get("replicas") == told
