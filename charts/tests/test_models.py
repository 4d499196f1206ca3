"""Models: the bucket, what lies over it, and the shell that prepares it; run by a real shell."""

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml


def mounts(made: Any, container: str) -> dict[str, dict[str, Any]]:
    return {mount["name"]: mount for mount in made.container(container)["volumeMounts"]}


def test_the_bucket_is_read_only_and_its_region_is_said(render: Any) -> None:
    made = render()
    volume = made.the("PersistentVolume")["spec"]
    assert volume["csi"] == {
        "driver": "s3.csi.aws.com",
        "volumeHandle": made.the("PersistentVolume")["metadata"]["name"],
        "readOnly": True,
        "volumeAttributes": {"bucketName": "models", "authenticationSource": "driver"},
    }
    assert volume["mountOptions"] == ["read-only", "allow-other", "region us-west-2"]
    assert volume["storageClassName"] == ""
    for name in ("prepare", "inference-api"):
        assert mounts(made, name)["models"]["readOnly"] is True
    assert "models" not in mounts(made, "queue-agent")


@pytest.mark.parametrize(
    "runtime",
    [
        {"type": "comfyui"},
        {"persistence": {"writableFolders": []}},
        {"type": "own", "inferenceApi": {"image": {"repository": "r/own"}}},
    ],
)
def test_the_bucket_itself_is_where_nothing_is_written(render: Any, runtime: dict[str, Any]) -> None:
    made = render({"runtime": runtime})
    assert mounts(made, "inference-api")["models"] == {
        "name": "models",
        "mountPath": "/opt/ml/code/models",
        "readOnly": True,
    }


def test_comfyui_finds_the_guides_folders(render: Any) -> None:
    made = render({"runtime": {"type": "comfyui", "inferenceApi": {"commandArguments": "--lowvram"}}})
    content = yaml.safe_load(made.the("ConfigMap", "sdruntime-runtime")["data"]["extra_model_paths.yaml"])
    assert content["darkroom"]["base_path"] == "/opt/ml/code/models"
    assert content["darkroom"]["checkpoints"] == "Stable-diffusion"
    assert content["darkroom"]["upscale_models"].split("\n") == ["ESRGAN", "RealESRGAN", "SwinIR", "ScuNET"]
    assert made.env("inference-api")["EXTRA_CMD_ARG"] == (
        "--extra-model-paths-config /opt/darkroom/extra_model_paths.yaml --lowvram"
    )


def test_sd_web_ui_reads_without_mmap_and_may_save_its_settings(render: Any) -> None:
    made = render({"runtime": {"inferenceApi": {"config": {"samples_format": "webp"}}}})
    data = made.the("ConfigMap", "sdruntime-runtime")["data"]
    assert json.loads(data["config.json"]) == {
        "disable_mmap_load_safetensors": True,
        "samples_format": "webp",
    }
    file = made.env("inference-api")["CONFIG_FILE"]
    assert file == "/opt/darkroom/config.json"
    assert mounts(made, "inference-api")["settings"] == {"name": "settings", "mountPath": "/opt/darkroom"}


def test_sd_web_ui_may_write_where_it_does(render: Any, tmp_path: Path) -> None:
    bucket, models, files, settings = (tmp_path / name for name in ("bucket", "models", "etc", "settings"))
    for folder in (
        models,
        files,
        settings,
        bucket / "Stable-diffusion",
        bucket / "ESRGAN" / "deep",
        bucket / "Mine",
    ):
        folder.mkdir(parents=True)
    (bucket / "Stable-diffusion" / "a model.safetensors").write_text("weights")
    (bucket / "ESRGAN" / "4x.pth").write_text("upscaler")
    (files / "config.json").write_text("{}")
    made = render()
    (script,) = made.container("prepare")["args"]
    replaced = {
        "/mnt/models": bucket,
        "/opt/ml/code/models": models,
        "/etc/darkroom": files,
        "/opt/darkroom": settings,
    }
    for inside, outside in replaced.items():
        script = script.replace(inside, str(outside))

    for _ in range(2):  # a pod whose sandbox is made anew runs it again
        subprocess.run(["/bin/sh", "-c", script], check=True, timeout=30)

    assert (settings / "config.json").read_text() == "{}"
    assert (models / "Stable-diffusion" / "a model.safetensors").read_text() == "weights"
    assert (models / "ESRGAN" / "4x.pth").read_text() == "upscaler"
    assert (models / "Mine").is_dir()
    (bucket / "Stable-diffusion" / "later.safetensors").write_text("new")
    assert (models / "Stable-diffusion" / "later.safetensors").read_text() == "new"
    for name in ("ESRGAN", "GFPGAN", "Codeformer", "Lora", "VAE", "embeddings"):
        (models / name / "downloaded").write_text("x")
    assert sorted(path.name for path in (bucket / "ESRGAN").iterdir()) == ["4x.pth", "deep"]


def stop(made: Any, shared: Path) -> str:
    (shell, flag, script) = made.container("inference-api")["lifecycle"]["preStop"]["exec"]["command"]
    assert (shell, flag) == ("/bin/sh", "-c")
    # Process 1 and all others are not ours here.
    text: str = (
        script.replace("kill ", "echo kill ")
        .replace("/var/run/darkroom", str(shared))
        .replace("sleep 3", ":")
    )
    return text


def test_the_runtime_is_ended_when_the_agent_has_ended(render: Any, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as agent:
        port = agent.getsockname()[1]
        script = stop(render({"runtime": {"queueAgent": {"healthPort": port}}}), tmp_path)
        with subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE, text=True) as hook:
            with pytest.raises(subprocess.TimeoutExpired):
                hook.wait(1.5)
            agent.close()
            said, _ = hook.communicate(timeout=30)
    assert said.split("\n")[:2] == ["kill -INT 1", "kill -KILL -1"]


def test_a_restart_does_not_wait_for_the_agent(render: Any, tmp_path: Path) -> None:
    (tmp_path / "restart").touch()
    with socket.create_server(("127.0.0.1", 0)) as agent:
        script = stop(render({"runtime": {"queueAgent": {"healthPort": agent.getsockname()[1]}}}), tmp_path)
        done = subprocess.run(
            ["/bin/sh", "-c", script], capture_output=True, text=True, check=True, timeout=30
        )
    assert "kill -INT 1" in done.stdout


def test_the_hook_can_be_left_out(render: Any) -> None:
    made = render({"runtime": {"inferenceApi": {"stopWithAgent": False}}})
    assert "lifecycle" not in made.container("inference-api")
