"""Rules of a runtime's chart, values and namespace, and of hosts that are let through."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from infra.config import Config, Runtime
from infra.configuration.values_rules import values_problems

# Namespaces of the cluster's own: another's pods there would get rights, or be taken for the add-on's.
RESERVED = (
    "amazon-cloudwatch",
    "keda",
    "kube-node-lease",
    "kube-public",
    "kube-system",
    "mount-s3",
)
# Where EC2 and EKS hand out credentials: the nodes', and those of the pods' roles.
CREDENTIALS = [ip_address(each) for each in ("169.254.169.254", "169.254.170.23", "169.254.170.2")]
CREDENTIALS_6 = [ip_address(each) for each in ("fd00:ec2::254", "fd00:ec2::23")]


def runtime_problems(config: Config) -> list[str]:
    """Return what is wrong with the runtimes' charts and with the hosts that are let through."""
    return [
        *(
            problem
            for index, runtime in enumerate(config.models_runtime)
            for problem in _runtime(f"modelsRuntime[{index}]", runtime)
        ),
        *_hosts("inputs.hosts", config.inputs.hosts),
        *_hosts("webhooks.hosts", config.webhooks.hosts),
    ]


def _runtime(path: str, runtime: Runtime) -> Iterator[str]:
    if runtime.namespace in RESERVED:
        yield (
            f'{path}.namespace: "{runtime.namespace}" belongs to the cluster; allowed is any namespace but '
            + ", ".join(RESERVED)
        )
    if runtime.chart_repository.startswith("oci://") and not runtime.chart_version:
        yield f'{path}.chartVersion: is required for a chartRepository of oci://, in quotes: "1.1.0"'
    yield from values_problems(f"{path}.extraValues", runtime.extra_values)


def _hosts(path: str, hosts: list[str]) -> Iterator[str]:
    for index, host in enumerate(hosts):
        try:
            network = ip_network(host)
        except ValueError as exc:
            if "/" in host or ":" in host:
                yield (
                    f'{path}[{index}]: "{host}" is neither a host nor a network: {exc};'
                    " allowed are a name without port, an address, or a network such as 10.1.0.0/16"
                )
            continue
        if any(address in network for address in (*CREDENTIALS, *CREDENTIALS_6)):
            yield (
                f'{path}[{index}]: "{host}" has an address in it at which AWS hands out credentials;'
                " allowed are smaller networks without it"
            )
