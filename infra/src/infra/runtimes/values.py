"""The values that the chart of a runtime gets: what the stacks know, then what the user says.

Plain data, no CDK: tokens are text here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.config import Config, Runtime
from infra.runtimes.places import Places, QueuePlace

AGENT_IMAGE = "sd-on-eks/queue-agent"


@dataclass(frozen=True)
class ClusterFacts:
    """What a runtime's nodes need to know of the cluster."""

    name: str
    region: str
    node_role: str
    security_group: str
    registry: str  # the account's own
    subnets: Sequence[str]  # none: they are found by their tag
    node_cidrs: Sequence[str]


def chart_values(
    config: Config, runtime: Runtime, *, places: Places, queue: QueuePlace, cluster: ClusterFacts
) -> dict[str, Any]:
    """Return the values of a runtime's release; `extraValues` have the last word."""
    ours = {
        "runtime": {
            **_agent_image(cluster, config.release.queue_agent, runtime.extra_values),
            "name": runtime.name,
            "type": runtime.type,
            "region": cluster.region,
            "queueUrl": queue.url,
            "tasksTable": places.table,
            "notificationsTopicArn": places.notifications_arn,
            "outputBucket": places.output_bucket,
            "payloadBucket": places.payload_bucket,
            "modelBucket": config.model_bucket_arn.rsplit(":", 1)[1],
            "modelFilename": runtime.model_filename or "",
            "dynamicModel": runtime.dynamic_model,
            "allowedInputS3": list(config.inputs.s3),
            "allowedInputHosts": list(config.inputs.hosts),
        },
        "karpenter": {"nodeTemplate": _selectors(cluster, runtime.extra_values)},
        "cluster": {
            "name": cluster.name,
            "nodeRole": cluster.node_role,
            "nodeCidrs": list(cluster.node_cidrs),
        },
    }
    return merged(ours, runtime.extra_values)


def _agent_image(cluster: ClusterFacts, version: str | None, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the agent's image is: where the guide pushes it, unless the user names a registry."""
    repository = {} if extra.get("imageRegistry") else {"repository": f"{cluster.registry}/{AGENT_IMAGE}"}
    tag = {} if version is None else {"tag": version}
    image = repository | tag
    return {"queueAgent": {"image": image}} if image else {}


def _selectors(cluster: ClusterFacts, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return where nodes go, but for what the user says: of selectors both would have to match."""
    ours = {"securityGroupSelector": {"aws-ids": cluster.security_group}}
    if cluster.subnets:
        ours["subnetSelector"] = {"aws-ids": ",".join(cluster.subnets)}
    theirs = (extra.get("karpenter") or {}).get("nodeTemplate") or {}
    return {key: value for key, value in ours.items() if key not in theirs}


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, as Helm merges values: mappings key by key, anything else is replaced.

    But a mapping that is left empty above counts as left out.
    """
    result = dict(below)
    for key, value in above.items():
        known = result.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            result[key] = merged(known, value)
        elif not (isinstance(known, Mapping) and value is None):
            result[key] = value
    return result


def as_json(values: Mapping[str, Any]) -> str:
    """Return values as the text that the CDK's Helm handler reads.

    Not left to the CDK: nulls, with which a user takes a default of the chart away, do not reach it.
    """
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=str)
