"""How the queue agents' metrics and spans leave the cluster: settings of the CloudWatch agent (ADR 11).

They are values of the add-on `amazon-cloudwatch-observability` (Helm chart of the same name, 6.4.0). Pods are
found by the label `POD_LABEL`, whose value is the runtime's name, and by a container port named `PORT_NAME`.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from infra.observability.names import NAMESPACE, SERVICE_FAULTS, Agent, AgentLabel

POD_LABEL: Final = "darkroom/runtime"
PORT_NAME: Final = "health"
JOB: Final = "darkroom-queue-agent"
SCRAPE_SECONDS: Final = 30
OTLP_HTTP_PORT: Final = 4318  # pods reach it at http://<status.hostIP>:4318
OTLP_GRPC_PORT: Final = 4317

SERVICE: Final = "service"  # a value of the label `fault`
NODE_AGENT: Final = "cloudwatch-agent"
SCRAPER: Final = "cloudwatch-agent-darkroom"

_IN_METADATA = "__meta_kubernetes_pod_label_" + re.sub(r"[^a-zA-Z0-9_]", "_", POD_LABEL)


def agents(*, cluster: str, region: str, log_group: str, namespaces: Iterable[str]) -> list[dict[str, Any]]:
    """Return the value `agents` of the add-on.

    On each node an agent takes spans by OTLP over HTTP and hands them to X-Ray, beside what it does for
    Container Insights; one more in the cluster scrapes the queue agents, since each on a node would scrape
    the pods of all nodes.

    Args:
        cluster: name of the EKS cluster.
        region: of the cluster; a CDK token will do.
        log_group: where the metrics are written to as EMF, from where CloudWatch takes them.
        namespaces: the Kubernetes namespaces that runtimes are in.
    """
    return [
        {"name": NODE_AGENT, "config": _on_each_node(cluster, region)},
        # The chart's default list has it too, and a list in the values takes the place of the default's.
        {"name": "cloudwatch-agent-cluster-scraper", "mode": "deployment", "config": "default"},
        {
            "name": SCRAPER,
            "mode": "deployment",
            "replicas": 1,
            "hostNetwork": False,
            "config": emf_config(cluster=cluster, region=region, log_group=log_group),
            "prometheus": {"config": scrape_config(namespaces)},
        },
    ]


def _on_each_node(cluster: str, region: str) -> dict[str, Any]:
    return {
        "agent": {"region": region},
        "logs": {
            "metrics_collected": {
                "kubernetes": {"cluster_name": cluster, "enhanced_container_insights": True}
            }
        },
        # Not the chart's `default:otel`: that sends to X-Ray's OTLP endpoint, which needs Transaction Search.
        "traces": {
            "traces_collected": {
                "otlp": {
                    "grpc_endpoint": f"0.0.0.0:{OTLP_GRPC_PORT}",
                    "http_endpoint": f"0.0.0.0:{OTLP_HTTP_PORT}",
                }
            }
        },
    }


def scrape_config(namespaces: Iterable[str]) -> dict[str, Any]:
    """Return the Prometheus configuration that finds and scrapes the queue agents.

    No replacement in it needs a `$`, which the add-on's operator might take for a variable.
    """
    return {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "scrape_timeout": "10s"},
        "scrape_configs": [
            {
                "job_name": JOB,
                "metrics_path": "/metrics",
                "honor_labels": True,  # the agent's own `runtime` says the same as the pod's
                "kubernetes_sd_configs": [
                    {"role": "pod", "namespaces": {"names": sorted(set(namespaces))}},
                ],
                "relabel_configs": [
                    _rule("keep", [_IN_METADATA], ".+"),
                    _rule("keep", ["__meta_kubernetes_pod_container_port_name"], PORT_NAME),
                    _rule("keep", ["__meta_kubernetes_pod_phase"], "Running"),
                    _copy(_IN_METADATA, AgentLabel.RUNTIME),
                    _copy("__meta_kubernetes_namespace", "namespace"),
                    _copy("__meta_kubernetes_pod_name", "pod"),
                ],
                "metric_relabel_configs": [
                    _rule("keep", ["__name__"], "|".join(Agent.UNITS)),
                    *_whose_fault(),
                ],
            }
        ],
    }


def emf_config(*, cluster: str, region: str, log_group: str) -> dict[str, Any]:
    """Return the configuration of the agent that scrapes: which metrics CloudWatch gets, and by what.

    It turns counters into what was added since the last scrape, so that `Sum` counts, and drops histograms.
    """
    return {
        "agent": {"region": region},
        "logs": {
            "metrics_collected": {
                "prometheus": {
                    "cluster_name": cluster,
                    "log_group_name": log_group,
                    "prometheus_config_path": "/etc/prometheusconfig/prometheus.yaml",  # the operator's place
                    "emf_processor": {
                        "metric_namespace": NAMESPACE,
                        "metric_declaration_dedup": True,
                        "metric_unit": dict(Agent.UNITS),
                        "metric_declaration": _declarations(),
                    },
                }
            },
            "force_flush_interval": 5,
        },
    }


def _declarations() -> list[dict[str, Any]]:
    tasks = [Agent.TASKS]
    return [
        _declaration("job", JOB, list(Agent.UNITS), []),
        _declaration("job", JOB, tasks, [AgentLabel.RESULT]),
        _declaration("job", JOB, tasks, [AgentLabel.FAULT]),
        # Only of failures: a series for each code that a task may end with costs by the month.
        _declaration(AgentLabel.RESULT, "failed", tasks, [AgentLabel.CODE]),
    ]


def _declaration(label: str, value: str, metrics: Sequence[str], more: Sequence[str]) -> dict[str, Any]:
    return {
        "source_labels": [label],
        "label_matcher": f"^{value}$",
        "metric_selectors": [f"^{metric}$" for metric in metrics],
        "dimensions": [[AgentLabel.CLUSTER, AgentLabel.RUNTIME, *more]],
    }


def _whose_fault() -> list[dict[str, Any]]:
    """Return rules that make the label `fault` of a task's code: `none`, `service`, or `request`."""
    source = ["__name__", AgentLabel.CODE]
    codes = "|".join(code.value for code in SERVICE_FAULTS)
    return [
        _rule("replace", source, f"{Agent.TASKS};.+", target_label=AgentLabel.FAULT, replacement="request"),
        _rule("replace", source, f"{Agent.TASKS};none", target_label=AgentLabel.FAULT, replacement="none"),
        _rule(
            "replace",
            source,
            f"{Agent.TASKS};({codes})",
            target_label=AgentLabel.FAULT,
            replacement=SERVICE,
        ),
    ]


def _rule(action: str, source: Sequence[str], regex: str, **more: str) -> dict[str, Any]:
    return {"action": action, "source_labels": list(source), "regex": regex, **more}


def _copy(source: str, target: str) -> dict[str, Any]:
    return {"action": "replace", "source_labels": [source], "target_label": target}
