"""Who may talk to whom."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest


def reaches(policy: Any, address: str, port: int) -> bool:
    """Return whether the policy lets TCP out to an address."""
    to = ip_address(address)
    for rule in policy["spec"]["egress"]:
        if not any(p["port"] == port and p["protocol"] == "TCP" for p in rule["ports"]):
            continue
        for block in (peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer):
            if to in ip_network(block["cidr"]) and not any(
                to in ip_network(e) for e in block.get("except", [])
            ):
                return True
    return False


def test_egress_is_exactly_the_list(render: Any) -> None:
    made = render()
    policy = made.the("NetworkPolicy")
    private = [
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
    ]
    assert policy["spec"]["egress"] == [
        {
            "to": [
                {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                }
            ],
            "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
        },
        {
            "to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": private}}],
            "ports": [{"protocol": "TCP", "port": 443}],
        },
        {"to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}], "ports": [{"protocol": "TCP", "port": 80}]},
        {"to": [{"ipBlock": {"cidr": "10.0.0.0/16"}}], "ports": [{"protocol": "TCP", "port": 4318}]},
    ]
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    selected = policy["spec"]["podSelector"]["matchLabels"].items()
    assert selected <= made.pod["metadata"]["labels"].items()


@pytest.mark.parametrize(
    ("address", "port", "allowed"),
    [
        ("52.94.0.1", 443, True),
        ("52.94.0.1", 80, False),
        ("169.254.169.254", 80, False),  # the instance's metadata
        ("169.254.169.254", 443, False),
        ("169.254.170.23", 80, True),  # EKS Pod Identity
        ("169.254.170.2", 80, False),
        ("10.0.1.2", 4318, True),
        ("10.0.1.2", 443, False),
        ("10.0.1.2", 10250, False),
        ("172.20.0.1", 443, False),  # the Kubernetes API
        ("192.168.1.1", 443, False),
        ("100.64.0.1", 443, False),
        ("127.0.0.1", 443, False),
    ],
)
def test_what_can_be_reached(render: Any, address: str, port: int, allowed: bool) -> None:
    assert reaches(render().the("NetworkPolicy"), address, port) is allowed


def test_endpoints_in_the_vpc_can_be_let_through(render: Any) -> None:
    policy = render({"networkPolicy": {"endpointCidrs": ["10.0.96.0/19"]}}).the("NetworkPolicy")
    assert reaches(policy, "10.0.97.1", 443)
    assert not reaches(policy, "10.0.97.1", 80)
    assert not reaches(policy, "10.0.1.1", 443)


def test_without_traces_no_node_is_reached(render: Any) -> None:
    policy = render({"runtime": {"queueAgent": {"otlpEndpoint": ""}}}).the("NetworkPolicy")
    assert not reaches(policy, "10.0.1.2", 4318)


def test_nobody_reaches_the_runtime(render: Any) -> None:
    made = render()
    assert made.the("NetworkPolicy")["spec"]["ingress"] == [
        {
            "from": [
                {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "amazon-cloudwatch"}}}
            ],
            "ports": [{"protocol": "TCP", "port": 8081}],
        }
    ]
    assert "Service" not in made.kinds()


def test_more_egress_by_value(render: Any) -> None:
    more = {"to": [{"ipBlock": {"cidr": "10.9.0.0/16"}}], "ports": [{"protocol": "TCP", "port": 80}]}
    policy = render({"networkPolicy": {"extraEgress": [more]}}).the("NetworkPolicy")
    assert policy["spec"]["egress"][-1] == more
    assert len(policy["spec"]["egress"]) == 5
