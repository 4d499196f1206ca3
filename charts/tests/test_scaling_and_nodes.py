"""Pods by the queue, nodes by the pods."""

from typing import Any

import pytest


def nodes(**values: Any) -> dict[str, Any]:
    return {"karpenter": {"nodeTemplate": values}}


def test_messages_in_hand_count_where_keda_reads_it(render: Any) -> None:
    (trigger,) = render().the("ScaledObject")["spec"]["triggers"]
    assert trigger == {
        "type": "aws-sqs-queue",
        "authenticationRef": {"name": "sdruntime"},
        "metadata": {
            "queueURL": "https://sqs.us-west-2.amazonaws.com/123456789012/sdoneks-sdruntime",
            "awsRegion": "us-west-2",
            "queueLength": "10",
            "scaleOnInFlight": "true",
        },
    }
    (other,) = render({"runtime": {"scaling": {"scaleOnInFlight": False}}}).the("ScaledObject")["spec"][
        "triggers"
    ]
    assert other["metadata"]["scaleOnInFlight"] == "false"


def test_keda_asks_with_its_own_role(render: Any) -> None:
    made = render()
    auth = made.the("TriggerAuthentication")
    assert auth["metadata"]["name"] == "sdruntime"
    assert auth["spec"] == {"podIdentity": {"provider": "aws"}}


@pytest.mark.parametrize(
    ("runtime", "seconds"),
    [
        ({}, 900),
        ({"queueAgent": {"inferenceLimits": {"pipeline": 1200}}}, 1200),
        ({"queueAgent": {"inferenceLimitSeconds": 7200}}, 3600),  # the most that an HPA takes
        ({"scaling": {"scaleDownStabilizationSeconds": 60}}, 60),
    ],
)
def test_a_pod_goes_after_the_longest_inference(render: Any, runtime: dict[str, Any], seconds: int) -> None:
    advanced = render({"runtime": runtime}).the("ScaledObject")["spec"]["advanced"]
    down = advanced["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] == seconds


def test_pods_come_at_once_and_go_by_halves(render: Any) -> None:
    advanced = render().the("ScaledObject")["spec"]["advanced"]
    assert advanced["horizontalPodAutoscalerConfig"]["behavior"] == {
        "scaleUp": {"stabilizationWindowSeconds": 0},
        "scaleDown": {
            "stabilizationWindowSeconds": 900,
            "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}],
        },
    }


def test_the_users_hpa_is_merged_over_ours(render: Any) -> None:
    extra = {"behavior": {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 30}]}}}
    advanced = render({"runtime": {"scaling": {"extraHPAConfig": extra}}}).the("ScaledObject")["spec"][
        "advanced"
    ]
    down = advanced["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 30}]
    assert down["stabilizationWindowSeconds"] == 900


def test_a_new_release_starts_no_gpu(render: Any) -> None:
    assert render().the("Deployment")["spec"]["replicas"] == 0
    warm = render({"runtime": {"scaling": {"minReplicaCount": 2}}})
    assert warm.the("Deployment")["spec"]["replicas"] == 2
    fixed = render({"runtime": {"scaling": {"enabled": False}, "replicas": 3}})
    assert fixed.the("Deployment")["spec"]["replicas"] == 3
    assert not {"ScaledObject", "TriggerAuthentication"} & fixed.kinds()


def test_the_snapshot_is_the_data_volume(render: Any) -> None:
    disk = {"snapshotID": "snap-0123456789", "volumeInitializationRate": 200}
    spec = render(nodes(dataVolume=disk)).the("EC2NodeClass")["spec"]
    assert spec["amiSelectorTerms"] == [{"alias": "bottlerocket@v1.57.0"}]
    system, data = spec["blockDeviceMappings"]
    assert (system["deviceName"], data["deviceName"]) == ("/dev/xvda", "/dev/xvdb")
    assert "snapshotID" not in system["ebs"]
    assert data["ebs"] == {
        "snapshotID": "snap-0123456789",
        "volumeInitializationRate": 200,
        "volumeSize": "100Gi",
        "volumeType": "gp3",
        "iops": 4000,
        "throughput": 1000,
        "encrypted": True,
        "deleteOnTermination": True,
    }
    assert "instanceStorePolicy" not in spec


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("gp3", {"iops": 4000, "throughput": 1000}),
        ("io1", {"iops": 4000}),
        ("io2", {"iops": 4000}),
        ("gp2", {}),
        ("standard", {}),
    ],
)
def test_a_disk_is_told_only_what_its_type_takes(render: Any, kind: str, given: dict[str, int]) -> None:
    disks = render(nodes(dataVolume={"volumeType": kind})).the("EC2NodeClass")["spec"]["blockDeviceMappings"]
    disk = disks[1]["ebs"]
    assert {key: disk[key] for key in ("iops", "throughput") if key in disk} == given
    assert (disk["volumeType"], disk["volumeSize"], disk["encrypted"]) == (kind, "100Gi", True)


def test_large_limits_are_written_out(render: Any) -> None:
    limits = {"cpu": 2_000_000, "memory": "1000Gi", "nvidia.com/gpu": 0.5}
    spec = render({"karpenter": {"provisioner": {"resourceLimits": limits}}}).the("NodePool")["spec"]
    assert spec["limits"] == {"cpu": "2000000", "memory": "1000Gi", "nvidia.com/gpu": "0.5"}


def test_without_a_snapshot_nothing_speaks_of_one(render: Any) -> None:
    spec = render(nodes(instanceStorePolicy="RAID0")).the("EC2NodeClass")["spec"]
    assert not {"snapshotID", "volumeInitializationRate"} & spec["blockDeviceMappings"][1]["ebs"].keys()
    assert spec["instanceStorePolicy"] == "RAID0"


def test_no_pod_reaches_the_nodes_metadata(render: Any) -> None:
    options = render().the("EC2NodeClass")["spec"]["metadataOptions"]
    assert options == {"httpTokens": "required", "httpPutResponseHopLimit": 1}


@pytest.mark.parametrize(
    ("values", "subnets", "groups"),
    [
        (
            {},
            [{"tags": {"karpenter.sh/discovery": "sdoneksStack"}}],
            [{"tags": {"karpenter.sh/discovery": "sdoneksStack"}}],
        ),
        (
            {"cluster": {"subnetIds": ["subnet-1", "subnet-2"], "securityGroupIds": ["sg-1"]}},
            [{"id": "subnet-1"}, {"id": "subnet-2"}],
            [{"id": "sg-1"}],
        ),
        (
            {
                "cluster": {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]},
                **nodes(subnetSelector={"tier": "gpu"}, securityGroupSelector={"aws-ids": "sg-2, sg-3"}),
            },
            [{"tags": {"tier": "gpu"}}],
            [{"id": "sg-2"}, {"id": "sg-3"}],
        ),
    ],
)
def test_where_nodes_are(render: Any, values: Any, subnets: Any, groups: Any) -> None:
    spec = render(values).the("EC2NodeClass")["spec"]
    assert spec["subnetSelectorTerms"] == subnets
    assert spec["securityGroupSelectorTerms"] == groups


def test_nodes_have_one_identity(render: Any) -> None:
    assert render().the("EC2NodeClass")["spec"]["role"] == "KarpenterNodeRole-sdoneksStack"
    assert render({"cluster": {"nodeRole": "gpu"}}).the("EC2NodeClass")["spec"]["role"] == "gpu"
    spec = render(nodes(instanceProfile="mine")).the("EC2NodeClass")["spec"]
    assert spec["instanceProfile"] == "mine"
    assert "role" not in spec


@pytest.mark.parametrize(
    ("capacity", "taken"),
    [
        ({}, ["spot", "on-demand"]),
        ({"spot": False}, ["on-demand"]),
        ({"onDemand": False}, ["spot"]),
    ],
)
def test_spot_first_and_on_demand_where_there_is_none(render: Any, capacity: Any, taken: list[str]) -> None:
    values = {"karpenter": {"provisioner": {"capacityType": capacity, "instanceType": ["g6.xlarge"]}}}
    wanted = render(values).the("NodePool")["spec"]["template"]["spec"]["requirements"]
    assert {r["key"]: r["values"] for r in wanted} == {
        "node.kubernetes.io/instance-type": ["g6.xlarge"],
        "kubernetes.io/arch": ["amd64"],
        "karpenter.sh/capacity-type": taken,
    }


def test_pods_and_nodes_of_a_runtime_belong_together(render: Any) -> None:
    taint = {"key": "team", "value": "art", "effect": "NoSchedule"}
    made = render({"karpenter": {"provisioner": {"extraTaints": [taint]}}})
    pool = made.the("NodePool")
    template = pool["spec"]["template"]["spec"]
    assert template["nodeClassRef"] == {
        "group": "karpenter.k8s.aws",
        "kind": "EC2NodeClass",
        "name": made.the("EC2NodeClass")["metadata"]["name"],
    }
    spec = made.pod["spec"]
    assert spec["nodeSelector"] == {"karpenter.sh/nodepool": pool["metadata"]["name"]}
    tolerated = {t["key"] for t in spec["tolerations"]}
    assert {t["key"] for t in template["taints"]} <= tolerated
    assert {"key": "s3.csi.aws.com/agent-not-ready", "effect": "NoExecute"} in template["startupTaints"]


@pytest.mark.parametrize("agent", [{}, {"inferenceLimitSeconds": 20}, {"inferenceLimitSeconds": 7200}])
def test_pods_of_a_node_that_goes_are_told_at_once(render: Any, agent: dict[str, Any]) -> None:
    made = render({"runtime": {"queueAgent": agent}})
    node = made.the("NodePool")["spec"]["template"]["spec"]["terminationGracePeriod"]
    pod = made.pod["spec"]["terminationGracePeriodSeconds"]
    # Karpenter tells them when only their own is left of the node's; a spot instance is gone after 120 s.
    assert int(node.removesuffix("s")) - pod == 0
    assert pod <= 120


def test_empty_nodes_all_go_and_drifted_ones_some_at_a_time(render: Any) -> None:
    spec = render().the("NodePool")["spec"]
    assert spec["disruption"]["consolidationPolicy"] == "WhenEmpty"
    assert spec["disruption"]["consolidateAfter"] == "60s"
    # A budget without reasons would hold for all of them: the least of those that hold is taken.
    assert spec["disruption"]["budgets"] == [
        {"nodes": "100%", "reasons": ["Empty"]},
        {"nodes": "20%", "reasons": ["Drifted"]},
    ]
    assert spec["limits"] == {"nvidia.com/gpu": "100"}
    kept = render({"karpenter": {"provisioner": {"consolidation": False}}}).the("NodePool")["spec"]
    assert kept["disruption"]["consolidateAfter"] == "Never"


def test_nodes_of_somebody_else(render: Any) -> None:
    made = render({"karpenter": {"enabled": False}, "cluster": {"name": ""}})
    assert not {"NodePool", "EC2NodeClass"} & made.kinds()
    assert "nodeSelector" not in made.pod["spec"]
