"""Values that are refused, and in which words."""

from typing import Any

import pytest

from sd_on_eks_chart.testing import Refused

NODES, POOL = "karpenter.nodeTemplate", "karpenter.provisioner"
WRONG = [
    # What the schema says
    ("runtime.typ", "sdwebui", "at '/runtime': additional properties 'typ' not allowed"),
    ("runtime.type", "SDWebUI", "at '/runtime/type': 'SDWebUI' does not match pattern"),
    ("runtime.name", "under_score", "at '/runtime/name': 'under_score' does not match pattern"),
    ("runtime.dynamicModel", "yes", "at '/runtime/dynamicModel': got string, want boolean"),
    ("runtime.queueUrl", "sdruntime", "at '/runtime/queueUrl': 'sdruntime' does not match pattern"),
    ("runtime.notificationsTopicArn", "topic", "at '/runtime/notificationsTopicArn'"),
    ("runtime.modelBucket", "s3://models", "at '/runtime/modelBucket'"),
    ("runtime.allowedInputS3", ["s3://inputs"], "at '/runtime/allowedInputS3/0'"),
    ("runtime.scaling.queueLength", 0, "at '/runtime/scaling/queueLength': minimum: got 0, want 1"),
    ("runtime.scaling.extraHPAConfig", {"behaviour": {}}, "additional properties 'behaviour' not allowed"),
    ("runtime.scaling.scaleDownStabilizationSeconds", 4000, "maximum: got 4,000, want 3,600"),
    ("runtime.inferenceApi.port", 70000, "at '/runtime/inferenceApi/port'"),
    ("runtime.inferenceApi.image.tag", "a b", "at '/runtime/inferenceApi/image/tag'"),
    ("runtime.inferenceApi.image.tag", "", "at '/runtime/inferenceApi/image/tag': minLength: got 0, want 1"),
    ("runtime.queueName", "q", "at '/runtime': additional properties 'queueName' not allowed"),
    ("runtime.inferenceApi.extraEnv", [{"value": "x"}], "missing property 'name'"),
    ("runtime.inferenceApi.modelMountPath", "models; rm", "at '/runtime/inferenceApi/modelMountPath'"),
    ("runtime.persistence.writableFolders", ["$(reboot)"], "at '/runtime/persistence/writableFolders/0'"),
    (
        "runtime.queueAgent.inferenceLimits",
        {"pipeline": -1},
        "at '/runtime/queueAgent/inferenceLimits/pipeline'",
    ),
    ("runtime.queueAgent.runAsUser", 0, "at '/runtime/queueAgent/runAsUser': minimum: got 0, want 1"),
    ("cluster.nodeRole", "arn:aws:iam::123456789012:role/x", "at '/cluster/nodeRole'"),
    ("networkPolicy.endpointCidrs", ["10.0.0.1"], "at '/networkPolicy/endpointCidrs/0'"),
    (f"{NODES}.amiFamily", "AL2", "at '/karpenter/nodeTemplate/amiFamily': value must be one of"),
    (
        f"{NODES}.dataVolume.snapshotID",
        "vol-0123456789",
        "at '/karpenter/nodeTemplate/dataVolume/snapshotID'",
    ),
    (f"{NODES}.dataVolume.volumeSize", "big", "at '/karpenter/nodeTemplate/dataVolume/volumeSize'"),
    (f"{NODES}.osVolume.snapshotID", "snap-0123456789", "additional properties 'snapshotID' not allowed"),
    (f"{POOL}.instanceType", [], "at '/karpenter/provisioner/instanceType': minItems: got 0, want 1"),
    (f"{POOL}.instanceType", ["g5"], "at '/karpenter/provisioner/instanceType/0'"),
    (f"{POOL}.capacityType", {"ondemand": True}, "additional properties 'ondemand' not allowed"),
    (f"{POOL}.disruption.expireAfter", "1 week", "at '/karpenter/provisioner/disruption/expireAfter'"),
    # What it cannot say
    ("runtime.region", "", "runtime.region: missing"),
    ("runtime.queueUrl", "", "runtime.queueUrl: missing"),
    ("runtime.modelBucket", "", "runtime.modelBucket: missing"),
    ("runtime.modelFilename", "", "runtime.modelFilename: missing; an SD Web UI runtime serves one model"),
    ("runtime.type", "own", 'runtime.inferenceApi.image.repository: the type "own" has no image'),
    ("runtime.queueAgent.image.repository", "", "runtime.queueAgent.image.repository: name the image"),
    ("runtime.queueAgent.healthPort", 8080, "healthPort: 8080 is the port of the runtime"),
    ("runtime.scaling.minReplicaCount", 21, "minReplicaCount: 21 is more than maxReplicaCount, 20"),
    ("runtime.inferenceApi.resources.limits", None, "nvidia.com/gpu is missing"),
    ("cluster.name", "", "cluster.name: missing"),
    (
        f"{NODES}.amiVersion",
        "newest",
        "karpenter.nodeTemplate.amiVersion: newest is no release of Bottlerocket",
    ),
    (f"{NODES}.amiFamily", "AL2023", "amiVersion: v1.57.0 is no release of AL2023"),
    (f"{NODES}.dataVolume.volumeInitializationRate", 300, "volumeInitializationRate: only with a snapshotID"),
    (
        NODES,
        {"dataVolume": {"snapshotID": "snap-0123456789"}, "instanceStorePolicy": "RAID0"},
        "RAID0 puts images",
    ),
    (f"{POOL}.capacityType", {"spot": False, "onDemand": False}, "one of onDemand and spot has to be true"),
]


def nested(path: str, value: Any) -> dict[str, Any]:
    for key in reversed(path.split(".")):
        value = {key: value}
    result: dict[str, Any] = value
    return result


@pytest.mark.parametrize(("path", "value", "words"), WRONG)
def test_wrong_values_are_refused_with_their_place(render: Any, path: str, value: Any, words: str) -> None:
    with pytest.raises(Refused) as caught:
        render(nested(path, value))
    assert words in str(caught.value)
