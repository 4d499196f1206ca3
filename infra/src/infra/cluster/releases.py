"""Helm releases of charts that others publish, from their own address or a mirror."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

LONGEST = Duration.minutes(15)  # what the CDK's handler may take
OCI = "oci://"


def release(
    scope: Construct,
    construct_id: str,
    *,
    cluster: eks.ICluster,
    chart: str,
    source: str,
    version: str,
    namespace: str,
    name: str | None = None,
    values: Mapping[str, Any] | None = None,
) -> eks.HelmChart:
    """Install a chart, and go on when what it installs is ready.

    Args:
        scope: the stack or construct that it belongs to.
        construct_id: in it.
        cluster: where to.
        chart: its name in the repository.
        source: `oci://...` names the chart itself, any other address the repository.
        version: of the chart.
        namespace: made if it is not there.
        name: of the release; the chart's if not given.
        values: for the chart.
    """
    return eks.HelmChart(
        scope,
        construct_id,
        cluster=cluster,
        chart=chart,
        repository=source,
        version=version,
        namespace=namespace,
        create_namespace=True,
        release=name or chart,
        values=dict(values or {}),
        wait=True,
        timeout=LONGEST,
    )
