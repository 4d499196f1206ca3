"""The pod: a runtime as sidecar, an agent with the least rights, and how both end."""

from typing import Any

import pytest


def test_the_runtime_is_a_native_sidecar_before_the_agent(render: Any) -> None:
    spec = render().pod["spec"]
    assert [c["name"] for c in spec["initContainers"]] == ["prepare", "inference-api"]
    assert [c["name"] for c in spec["containers"]] == ["queue-agent"]
    assert spec["initContainers"][1]["restartPolicy"] == "Always"
    assert "restartPolicy" not in spec["initContainers"][0]


@pytest.mark.parametrize(
    ("runtime", "probe"),
    [
        ({"type": "sdwebui"}, {"httpGet": {"path": "/sdapi/v1/memory", "port": "runtime"}}),
        ({"type": "comfyui"}, {"httpGet": {"path": "/system_stats", "port": "runtime"}}),
        (
            {"inferenceApi": {"startupProbe": {"exec": {"command": ["ready"]}}}},
            {"exec": {"command": ["ready"]}},
        ),
    ],
)
def test_a_cold_model_has_its_time(render: Any, runtime: dict[str, Any], probe: dict[str, Any]) -> None:
    values = {"runtime": runtime}
    values["runtime"].setdefault("inferenceApi", {})["startupSeconds"] = 1799
    made = render(values)
    startup = made.container("inference-api")["startupProbe"]
    assert probe.items() <= startup.items()
    assert startup["periodSeconds"] * startup["failureThreshold"] == 1800
    assert made.the("Deployment")["spec"]["progressDeadlineSeconds"] > 1800


def test_the_agents_restart_file_is_what_the_runtimes_probe_looks_at(render: Any) -> None:
    made = render()
    runtime, agent = made.container("inference-api"), made.container("queue-agent")
    file = made.settings["RESTART_FILE"]
    probe = runtime["livenessProbe"]
    assert probe["exec"]["command"] == ["/bin/sh", "-c", f"test ! -e {file}"]
    # A single look that takes too long must not cost a model load; the file stays until the runtime is down.
    assert probe["failureThreshold"] == 3
    assert (probe["periodSeconds"], probe["timeoutSeconds"]) == (2, 5)
    assert probe["terminationGracePeriodSeconds"] <= 10
    shared = {"name": "shared", "mountPath": "/var/run/darkroom"}
    assert shared in agent["volumeMounts"]
    assert {**shared, "readOnly": True} in runtime["volumeMounts"]
    assert file == "/var/run/darkroom/restart"
    assert made.settings["STATE_DIR"].startswith("/var/run/darkroom/")


def test_the_agent_has_the_least_rights(render: Any) -> None:
    made = render()
    context = made.container("queue-agent")["securityContext"]
    assert context == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    spec = made.pod["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert made.the("ServiceAccount")["automountServiceAccountToken"] is False
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} & spec.keys()


def test_the_agent_may_write_what_it_fetches_and_nothing_else(render: Any) -> None:
    made = render()
    mounts = made.container("queue-agent")["volumeMounts"]
    assert {mount["mountPath"]: mount["name"] for mount in mounts} == {
        "/tmp": "agent-tmp",
        "/var/run/darkroom": "shared",
    }
    volumes = {volume["name"]: volume for volume in made.pod["spec"]["volumes"]}
    assert volumes["agent-tmp"]["emptyDir"] == {"sizeLimit": "4Gi"}


def test_a_new_pod_is_ready_before_an_old_one_goes(render: Any) -> None:
    assert render().the("Deployment")["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
    }


def test_a_drain_takes_one_ready_pod_at_a_time_and_any_that_never_was(render: Any) -> None:
    made = render()
    budget = made.the("PodDisruptionBudget")["spec"]
    assert budget == {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": made.the("Deployment")["spec"]["selector"]["matchLabels"]},
    }
    half = render({"runtime": {"podDisruptionBudget": {"maxUnavailable": "50%"}}})
    assert half.the("PodDisruptionBudget")["spec"]["maxUnavailable"] == "50%"


def test_the_roles_credentials_are_for_the_agent_only(render: Any) -> None:
    made = render()
    skipped = made.pod["metadata"]["annotations"]["eks.amazonaws.com/skip-containers"].split(",")
    assert skipped == [c["name"] for c in made.pod["spec"]["initContainers"]]


def test_the_runtimes_rights_are_a_value(render: Any) -> None:
    strict = {"runAsNonRoot": True, "readOnlyRootFilesystem": True}
    made = render({"runtime": {"inferenceApi": {"securityContext": strict}}})
    for name in ("prepare", "inference-api"):
        assert strict.items() <= made.container(name)["securityContext"].items()


@pytest.mark.parametrize(
    ("agent", "grace"),
    [
        ({}, 90),
        ({"inferenceLimitSeconds": 20}, 50),
        ({"inferenceLimitSeconds": 20, "inferenceLimits": {"image-to-image": 40.5}}, 71),
        ({"inferenceLimitSeconds": 60}, 90),
    ],
)
def test_the_grace_period_is_of_the_longest_inference(render: Any, agent: dict[str, Any], grace: int) -> None:
    made = render({"runtime": {"queueAgent": agent}})
    assert made.settings["SHUTDOWN_GRACE_SECONDS"] == str(grace)
    assert made.pod["spec"]["terminationGracePeriodSeconds"] == grace + 30


def test_a_busy_pod_keeps_its_node(render: Any) -> None:
    assert render().pod["metadata"]["annotations"]["karpenter.sh/do-not-disrupt"] == "true"


def test_metrics_find_the_pod_by_label_and_port(render: Any) -> None:
    made = render({"runtime": {"labels": {"darkroom/runtime": "other"}, "queueAgent": {"healthPort": 9000}}})
    assert made.pod["metadata"]["labels"]["darkroom/runtime"] == "sdruntime"
    agent = made.container("queue-agent")
    assert agent["ports"] == [{"name": "health", "containerPort": 9000}]
    assert made.settings["HEALTH_PORT"] == "9000"
    assert agent["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "health"}
    assert agent["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}


def test_the_agent_is_told_all_that_it_needs(render: Any) -> None:
    runtime = {
        "inferenceApi": {"port": 7860},
        "allowedInputS3": ["inputs/a"],
        "allowedInputHosts": ["10.1.0.0/16"],
        "queueAgent": {"inferenceLimits": {"image-to-image": 30}},
    }
    assert render({"runtime": runtime}).settings == {
        "AWS_REGION": "us-west-2",
        "AWS_DEFAULT_REGION": "us-west-2",
        "RUNTIME_NAME": "sdruntime",
        "RUNTIME_TYPE": "sdwebui",
        "RUNTIME_URL": "http://127.0.0.1:7860",
        "QUEUE_URL": "https://sqs.us-west-2.amazonaws.com/123456789012/sdoneks-sdruntime",
        "TASKS_TABLE": "sdoneks-tasks",
        "NOTIFICATIONS_TOPIC_ARN": "arn:aws:sns:us-west-2:123456789012:notifications",
        "OUTPUT_BUCKET": "outputs",
        "PAYLOAD_BUCKET": "payloads",
        "MODEL_FILENAME": "v1-5-pruned-emaonly.safetensors",
        "DYNAMIC_MODEL": "false",
        "ALLOWED_INPUT_HOSTS": '["10.1.0.0/16"]',
        "ALLOWED_INPUT_S3": '["inputs/a"]',
        "INFERENCE_LIMIT_SECONDS": "900",
        "INFERENCE_LIMITS": '{"image-to-image":30}',
        "SHUTDOWN_GRACE_SECONDS": "90",
        "RESTART_FILE": "/var/run/darkroom/restart",
        "STATE_DIR": "/var/run/darkroom/state",
        "HEALTH_PORT": "8081",
    }


def test_traces_go_to_the_pods_own_node(render: Any) -> None:
    env = render().env("queue-agent")
    assert list(env) == [
        "HOST_IP",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ]  # in this order: the second has the first in it
    assert env["HOST_IP"]["fieldRef"]["fieldPath"] == "status.hostIP"
    assert env["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://$(HOST_IP):4318"
    assert render({"runtime": {"queueAgent": {"otlpEndpoint": ""}}}).env("queue-agent") == {}


@pytest.mark.parametrize("extra", [{"API_ONLY": False}, [{"name": "API_ONLY", "value": "false"}]])
def test_the_users_environment_has_the_last_word(render: Any, extra: Any) -> None:
    env = render({"runtime": {"inferenceApi": {"extraEnv": extra}}}).env("inference-api")
    assert env["API_ONLY"] == "false"
    assert env["SD_MODEL_CHECKPOINT"] == "v1-5-pruned-emaonly.safetensors"


@pytest.mark.parametrize("container", ["inferenceApi", "queueAgent"])
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1048576, "1048576"),
        (10**9, "1000000000"),
        (-(2**40), "-1099511627776"),
        (0, "0"),
        (0.5, "0.5"),
        (1234567.5, "1234567.5"),
        (True, "true"),
        ("some text", "some text"),
    ],
)
def test_an_environment_variable_is_what_the_file_says(
    render: Any, container: str, value: object, text: str
) -> None:
    made = render({"runtime": {container: {"extraEnv": {"SET": value}}}})
    name = {"inferenceApi": "inference-api", "queueAgent": "queue-agent"}[container]
    assert made.env(name)["SET"] == text


def test_a_dynamic_runtime_is_told_so(render: Any) -> None:
    made = render({"runtime": {"dynamicModel": True, "modelFilename": ""}})
    assert made.env("inference-api")["DYNAMIC_SD_MODEL"] == "true"
    assert "SD_MODEL_CHECKPOINT" not in made.env("inference-api")
    assert made.settings["DYNAMIC_MODEL"] == "true"
    assert "MODEL_FILENAME" not in made.settings


def test_a_change_of_settings_makes_new_pods(render: Any) -> None:
    def digest(values: dict[str, Any]) -> str:
        text: str = render(values).pod["metadata"]["annotations"]["darkroom/settings"]
        return text

    assert digest({}) == digest({})
    assert digest({}) != digest({"runtime": {"outputBucket": "others"}})
    assert digest({}) != digest({"runtime": {"inferenceApi": {"config": {"samples_format": "jpg"}}}})


@pytest.mark.parametrize(
    ("values", "runtime", "agent"),
    [
        ({}, "public.ecr.aws/bingjiao/sd-on-eks/sdwebui:latest", "registry.example/queue-agent:0.3.0"),
        (
            {
                "imageRegistry": "r.example",
                "runtime": {"type": "comfyui", "queueAgent": {"image": {"repository": "", "tag": "7"}}},
            },
            "r.example/sd-on-eks/comfyui:latest",
            "r.example/sd-on-eks/queue-agent:7",
        ),
        (
            {"runtime": {"inferenceApi": {"image": {"repository": "r/a", "tag": "sha256:" + "0" * 64}}}},
            "r/a@sha256:" + "0" * 64,
            "registry.example/queue-agent:0.3.0",
        ),
    ],
)
def test_images(render: Any, values: dict[str, Any], runtime: str, agent: str) -> None:
    made = render(values)
    assert made.container("inference-api")["image"] == runtime
    assert made.container("prepare")["image"] == runtime
    assert made.container("queue-agent")["image"] == agent


def test_a_gpu_stays_when_other_resources_are_asked_for(render: Any) -> None:
    made = render({"runtime": {"inferenceApi": {"resources": {"requests": {"memory": "12Gi"}}}}})
    assert made.container("inference-api")["resources"] == {
        "requests": {"cpu": "2500m", "memory": "12Gi"},
        "limits": {"nvidia.com/gpu": "1"},
    }
