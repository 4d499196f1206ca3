"""Values as users combine them: everything that comes of them is valid."""

import os
from pathlib import Path
from typing import Any

import pytest

from sd_on_eks_chart.testing import CustomResources, Helm

ECR_CN = "123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn"
GUIDE_CN = {
    "runtime": {
        "region": "cn-northwest-1",
        "queueUrl": "https://sqs.cn-northwest-1.amazonaws.com.cn/123456789012/sdruntime",
        "notificationsTopicArn": "arn:aws-cn:sns:cn-northwest-1:123456789012:notifications",
        "inferenceApi": {"image": {"repository": f"{ECR_CN}/sd-on-eks/sdwebui", "tag": "latest"}},
        "queueAgent": {"image": {"repository": f"{ECR_CN}/sd-on-eks/queue-agent", "tag": "latest"}},
    },
    "karpenter": {
        "nodeTemplate": {"amiFamily": "Bottlerocket", "dataVolume": {"snapshotID": "snap-1234567890"}},
        "provisioner": {
            "instanceType": ["g5.xlarge", "g5.2xlarge"],
            "capacityType": {"onDemand": True, "spot": True},
        },
    },
}
SOCI = '[settings.container-runtime]\nsnapshotter = "soci"\n'
COMBINATIONS: dict[str, dict[str, Any]] = {
    "static": {},
    "dynamic": {"runtime": {"dynamicModel": True, "modelFilename": ""}},
    "dynamic-with-model": {"runtime": {"dynamicModel": True}},
    "comfyui": {"runtime": {"type": "comfyui", "modelFilename": ""}},
    "own-type": {
        "runtime": {
            "type": "invokeai",
            "inferenceApi": {"image": {"repository": "registry.example/invokeai", "tag": "6"}, "port": 9090},
        }
    },
    "own-images": {
        "runtime": {
            "inferenceApi": {
                "image": {"repository": "registry.example:5000/sdwebui", "tag": "sha256:" + "a" * 64}
            },
            "queueAgent": {"image": {"repository": "registry.example/queue-agent", "tag": "1.2.3"}},
        }
    },
    "registry": {"imageRegistry": ECR_CN},
    "snapshot": {"karpenter": {"nodeTemplate": {"dataVolume": {"snapshotID": "snap-0123456789"}}}},
    "snapshot-with-rate": {
        "karpenter": {
            "nodeTemplate": {
                "dataVolume": {"snapshotID": "snap-0123456789abcdef0", "volumeInitializationRate": 300}
            }
        }
    },
    "parallel-pull": {"karpenter": {"nodeTemplate": {"instanceStorePolicy": "RAID0", "userData": SOCI}}},
    "china": GUIDE_CN,
    "al2023": {"karpenter": {"nodeTemplate": {"amiFamily": "AL2023", "amiVersion": "v20260801"}}},
    "instance-types": {
        "karpenter": {
            "provisioner": {
                "instanceType": ["g4dn.xlarge", "g6.xlarge", "g6e.2xlarge", "p4d.24xlarge"],
                "capacityType": {"onDemand": False},
            }
        }
    },
    "arm": {"karpenter": {"provisioner": {"instanceType": ["g5g.xlarge"], "arch": ["arm64"]}}},
    "old-names": {
        "karpenter": {
            "nodeTemplate": {
                "instanceProfile": "gpu-nodes",
                "securityGroupSelector": {"karpenter.sh/discovery/sdoneks": "sdoneks"},
                "subnetSelector": {"aws-ids": "subnet-0aa, subnet-0bb"},
                "tags": {"project": "art"},
                "osVolume": {"volumeSize": "20Gi", "iops": 4000},
                "dataVolume": {"volumeSize": "200Gi", "kmsKeyID": "key-1"},
            },
            "provisioner": {
                "labels": {"team": "art"},
                "extraRequirements": [
                    {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["us-west-2a"]}
                ],
                "extraTaints": [{"key": "team", "value": "art", "effect": "NoSchedule"}],
                "resourceLimits": {"nvidia.com/gpu": 4, "cpu": "64"},
                "consolidation": False,
                "disruption": {"consolidateAfter": "30s", "expireAfter": "Never"},
            },
        }
    },
    "ids": {
        "cluster": {
            "securityGroupIds": ["sg-01"],
            "subnetIds": ["subnet-01", "subnet-02"],
            "nodeRole": "nodes",
        }
    },
    "no-nodes": {"karpenter": {"enabled": False}},
    "no-scaling": {"runtime": {"scaling": {"enabled": False}, "replicas": 2}},
    "scaling": {
        "runtime": {
            "scaling": {
                "queueLength": 2,
                "cooldownPeriod": 300,
                "minReplicaCount": 1,
                "maxReplicaCount": 5,
                "scaleOnInFlight": False,
                "extraHPAConfig": {
                    "behavior": {"scaleUp": {"policies": [{"type": "Pods", "value": 5, "periodSeconds": 15}]}}
                },
            },
            "podDisruptionBudget": {"maxUnavailable": "50%"},
        }
    },
    "models-in-image": {"runtime": {"persistence": {"enabled": False}, "modelBucket": ""}},
    "own-claim": {"runtime": {"persistence": {"existingClaim": "my-models"}}},
    "bucket-as-it-is": {"runtime": {"persistence": {"writableFolders": []}}},
    "cache": {
        "runtime": {
            "persistence": {
                "s3": {
                    "cacheSizeLimit": "20Gi",
                    "mountOptions": ["metadata-ttl 300"],
                    "authenticationSource": "pod",
                }
            }
        }
    },
    "environment-mapping": {
        "runtime": {
            "inferenceApi": {"extraEnv": {"HF_HUB_OFFLINE": 1}, "commandArguments": "--medvram"},
            "queueAgent": {
                "extraEnv": {"LOG_LEVEL": "DEBUG", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
            },
        }
    },
    "environment-list": {
        "runtime": {
            "inferenceApi": {"extraEnv": [{"name": "API_ONLY", "value": "false"}]},
            "queueAgent": {
                "extraEnv": [
                    {"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                    {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                ]
            },
        }
    },
    "hardened": {
        "runtime": {
            "annotations": {"team": "art", "karpenter.sh/do-not-disrupt": "false"},
            "labels": {"team": "art", "darkroom/runtime": "mine"},
            "inferenceApi": {
                "port": 7860,
                "command": ["python", "launch.py"],
                "args": ["--api", "--listen"],
                "resources": {"limits": {"memory": "24Gi"}},
                "startupProbe": {"exec": {"command": ["true"]}},
                "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "readOnlyRootFilesystem": True},
                "extraVolumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            },
            "extraVolumes": [{"name": "scratch", "emptyDir": {}}],
            "queueAgent": {
                "healthPort": 9000,
                "otlpEndpoint": "",
                "inferenceLimits": {"text-to-image": 30.5},
            },
        }
    },
    "open-network": {"networkPolicy": {"enabled": False}},
}
NAMES = [
    ("on", "default"),  # YAML has it for true
    ("123", "1e3"),
    ("a" + "-b" * 26, "n" * 63),
    ("0x1f", "null"),
]


@pytest.mark.parametrize("name", COMBINATIONS)
def test_everything_that_is_rendered_is_valid(render: Any, check: Any, name: str) -> None:
    release = render(COMBINATIONS[name])
    check(release)
    assert {"Deployment", "ConfigMap", "ServiceAccount", "PodDisruptionBudget"} <= release.kinds()


@pytest.mark.parametrize(("release", "namespace"), NAMES)
def test_names_are_text_and_short_enough(render: Any, check: Any, release: str, namespace: str) -> None:
    made = render(release=release, namespace=namespace)
    check(made)
    labels = made.pod["metadata"]["labels"]
    assert labels["darkroom/runtime"] == release
    assert len(made.the("NodePool")["metadata"]["name"]) <= 63
    assert len(f"keda-hpa-{made.the('ScaledObject')['metadata']['name']}") <= 63
    assert all(len(obj["metadata"]["name"]) <= 253 for obj in made.objects)


def test_helms_linter_has_no_word_to_say(helm: Helm, chart: Path, minimal: dict[str, Any]) -> None:
    assert "0 chart(s) failed" in helm.lint(chart, minimal)


# The definitions are Karpenter's and KEDA's and no part of this repository: who has them names their folder.
@pytest.mark.skipif(
    not os.environ.get("DARKROOM_CRDS"),
    reason="needs the definitions of Karpenter's and KEDA's resources: DARKROOM_CRDS names their folder",
)
def test_the_schemas_of_custom_resources_find_what_is_wrong(
    render: Any, custom_resources: CustomResources
) -> None:
    pool = render().the("NodePool")
    pool["spec"]["template"]["spec"]["taint"] = []
    with pytest.raises(Exception, match="'taint' was unexpected"):
        custom_resources.check(pool)
