"""The example images: their Dockerfiles by a linter, their entry points by running them."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflows import linters

IMAGES = ["comfyui", "sdwebui"]
STUB = """#!/bin/sh
printf '%s\\n' "$PWD" "$@" >"$SEEN"
"""
# As one image or the other is started: what of the stub's arguments are the program's own.
PROGRAMS = {"sdwebui": ["python", "launch.py"], "comfyui": ["python", "main.py"]}
Start = Callable[..., list[str]]


class RefusedError(Exception):
    """The entry point ended before it started anything."""


@pytest.fixture(name="home")
def _home(root: Path, tmp_path: Path) -> Path:
    """What an image has in the server's folder."""
    home = tmp_path / "home"
    (home / "models" / "Stable-diffusion" / "sub folder").mkdir(parents=True)
    for name in ("model.safetensors", "sub folder/other.safetensors"):
        (home / "models" / "Stable-diffusion" / name).touch()
    settings = (root / "images/sdwebui/darkroom-config.json").read_bytes()
    (home / "darkroom-config.json").write_bytes(settings)
    return home


@pytest.fixture(name="start")
def _start(root: Path, home: Path, tmp_path: Path) -> Start:
    """Runs an entry point beside an `opentelemetry-instrument` that writes down what it is given."""
    stub = tmp_path / "bin" / "opentelemetry-instrument"
    stub.parent.mkdir()
    stub.write_text(STUB, encoding="utf-8")
    stub.chmod(0o755)
    seen = tmp_path / "seen"

    def start(image: str, env: Mapping[str, str], *arguments: str) -> list[str]:
        path = f"{stub.parent}:{os.environ['PATH']}"
        homes = {"SDWEBUI_HOME": str(home), "COMFYUI_HOME": str(home)}
        done = subprocess.run(
            [str(root / "images" / image / "entrypoint"), *arguments],
            env={"PATH": path, "SEEN": str(seen), **homes, **env},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RefusedError(done.stderr)
        folder, *given = seen.read_text(encoding="utf-8").splitlines()
        assert folder == str(home)
        assert given[:2] == PROGRAMS[image]
        return given[2:]

    return start


def following(arguments: list[str], name: str) -> str:
    """The value of an argument; where it comes more than once, the last, as argparse takes it."""
    return arguments[len(arguments) - arguments[::-1].index(name)]


@pytest.mark.parametrize("image", IMAGES)
def test_hadolint_has_nothing_to_say(root: Path, image: str) -> None:
    assert linters.run("hadolint", [f"images/{image}/Dockerfile"], cwd=root) == (0, "")


def test_the_linter_has_nothing_to_say_of_the_agents_dockerfile(root: Path) -> None:
    assert linters.run("hadolint", ["services/queue-agent/Dockerfile"], cwd=root) == (0, "")


def test_hadolint_finds_what_is_wrong(root: Path) -> None:
    code, said = linters.run("hadolint", ["-"], cwd=root, given="FROM debian\nRUN cd /tmp && sudo ls\n")
    assert code == 1
    assert "DL3006" in said


@pytest.mark.parametrize(
    "script", ["images/comfyui/entrypoint", "images/sdwebui/entrypoint", "images/fetch-commit"]
)
def test_shellcheck_has_nothing_to_say(root: Path, script: str) -> None:
    assert linters.run("shellcheck", [script], cwd=root) == (0, "")


@pytest.mark.parametrize("image", IMAGES)
def test_what_is_copied_from_the_repository_is_there_and_let_into_the_build(root: Path, image: str) -> None:
    text = (root / "images" / image / "Dockerfile").read_text(encoding="utf-8")
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )?(\S+) \S+$", text, re.MULTILINE)
    assert len(copied) >= 4
    let_in = (root / "images" / image / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for path in copied:
        assert (root / path).exists(), path
        assert any(path.startswith(line[1:]) for line in let_in if line.startswith("!")), path


@pytest.mark.parametrize("image", IMAGES)
def test_the_image_is_an_example_without_rights_and_names_its_licence(root: Path, image: str) -> None:
    text = (root / "images" / image / "Dockerfile").read_text(encoding="utf-8")
    last = text[text.rindex("\nFROM ") :]
    assert "EXAMPLE" in text
    assert "USER 65532:65532" in last
    assert "HEALTHCHECK" in last
    assert {"sdwebui": "AGPL-3.0-only", "comfyui": "GPL-3.0-only"}[image] in last
    assert f"OTEL_SERVICE_NAME={image}" in last


@pytest.mark.parametrize("image", IMAGES)
def test_everything_that_is_installed_has_one_version(root: Path, image: str) -> None:
    lines = (root / "images" / image / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    names = [line.partition("==")[0] for line in pins]
    assert len(names) == len(set(names))
    assert {"torch", "torchvision", "opentelemetry-distro", "opentelemetry-exporter-otlp-json-http"} <= set(
        names
    )


@pytest.mark.parametrize("image", IMAGES)
def test_sources_are_fetched_by_whole_commits(root: Path, image: str) -> None:
    text = (root / "images" / image / "Dockerfile").read_text(encoding="utf-8")
    fetched = re.findall(r"fetch-commit (\S+) (\S+) ", text)
    assert fetched
    assert all(re.fullmatch(r"[0-9a-f]{40}", commit) for _, commit in fetched)
    assert not re.search(r"git clone|curl |wget ", text)


def test_both_listen_on_all_addresses_and_the_charts_port(start: Start, root: Path) -> None:
    values: dict[str, Any] = yaml.safe_load(
        (root / "charts/sd-on-eks/values.yaml").read_text(encoding="utf-8")
    )
    port = str(values["runtime"]["inferenceApi"]["port"])
    web, comfy = start("sdwebui", {}), start("comfyui", {})
    assert "--listen" in web
    assert following(comfy, "--listen") == "0.0.0.0"
    assert following(web, "--port") == following(comfy, "--port") == port


def test_neither_maps_models_into_memory(start: Start, root: Path) -> None:
    assert "--disable-mmap" in start("comfyui", {})
    path = Path(following(start("sdwebui", {}), "--ui-settings-file"))
    assert json.loads(path.read_text(encoding="utf-8")) == {"disable_mmap_load_safetensors": True}
    assert "/models" in (root / "images/sdwebui/entrypoint").read_text(encoding="utf-8")


def test_the_entry_points_know_every_variable_that_the_chart_sets(root: Path) -> None:
    text = (root / "charts/sd-on-eks/templates/_containers.tpl").read_text(encoding="utf-8")
    part = text[text.index('define "sd.runtimeEnv"') : text.index('define "sd.agentEnv"')]
    names = set(re.findall(r'"name" "(\w+)"', part))
    assert names == {"API_ONLY", "CONFIG_FILE", "DYNAMIC_SD_MODEL", "SD_MODEL_CHECKPOINT", "EXTRA_CMD_ARG"}
    web = (root / "images/sdwebui/entrypoint").read_text(encoding="utf-8")
    assert all(name in web for name in names)
    assert "EXTRA_CMD_ARG" in (root / "images/comfyui/entrypoint").read_text(encoding="utf-8")


def test_a_static_runtime_is_started_with_what_the_chart_says(
    start: Start, home: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "config.json"
    settings.write_text("{}", encoding="utf-8")
    env = {"API_ONLY": "true", "CONFIG_FILE": str(settings), "SD_MODEL_CHECKPOINT": "model.safetensors"}
    arguments = start("sdwebui", env | {"EXTRA_CMD_ARG": "--medvram"})
    assert {"--api", "--nowebui", "--medvram", "--skip-prepare-environment"} <= set(arguments)
    assert following(arguments, "--ui-settings-file") == str(settings)
    assert following(arguments, "--ckpt") == str(home / "models/Stable-diffusion/model.safetensors")


def test_a_checkpoint_may_lie_in_a_folder_with_a_space(start: Start, home: Path) -> None:
    arguments = start("sdwebui", {"SD_MODEL_CHECKPOINT": "sub folder/other.safetensors"})
    assert following(arguments, "--ckpt") == str(
        home / "models/Stable-diffusion/sub folder/other.safetensors"
    )


def test_a_dynamic_runtime_is_given_no_checkpoint(start: Start) -> None:
    assert "--ckpt" not in start("sdwebui", {"API_ONLY": "true", "DYNAMIC_SD_MODEL": "true"})


def test_without_api_only_there_is_a_page(start: Start) -> None:
    assert "--nowebui" not in start("sdwebui", {})
    assert "--nowebui" not in start("sdwebui", {"API_ONLY": "false"})


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"SD_MODEL_CHECKPOINT": "gone.safetensors"}, "gone.safetensors is not there"),
        ({"SD_MODEL_CHECKPOINT": "model.safetensors", "DYNAMIC_SD_MODEL": "true"}, "set one of them"),
        ({"CONFIG_FILE": "/nowhere/config.json"}, "/nowhere/config.json are not there"),
        ({"API_ONLY": "please"}, "API_ONLY is 'please'"),
        ({"EXTRA_CMD_ARG": "--a 'open"}, "a quote without an end"),
    ],
)
def test_what_cannot_be_meant_ends_at_once_and_says_why(start: Start, env: dict[str, str], said: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(said)):
        start("sdwebui", env)


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("", []),
        ("   ", []),
        ("--one  --two 2", ["--one", "--two", "2"]),
        ("--name 'two words' --other \"3 more words\"", ["--name", "two words", "--other", "3 more words"]),
        ("--glob * --home $HOME `id` ; id", ["--glob", "*", "--home", "$HOME", "`id`", ";", "id"]),
    ],
)
def test_extra_arguments_are_words_in_which_nothing_is_expanded(
    start: Start, image: str, extra: str, words: list[str]
) -> None:
    plain = start(image, {})
    assert start(image, {"EXTRA_CMD_ARG": extra}) == [*plain, *words]


@pytest.mark.parametrize("image", IMAGES)
def test_arguments_of_the_container_come_last(start: Start, image: str) -> None:
    arguments = start(image, {"EXTRA_CMD_ARG": "--port 9000", "PORT": "9001"}, "--port", "9002")
    assert following(arguments, "--port") == "9002"


def test_comfyui_is_told_of_the_charts_folders(start: Start) -> None:
    extra = "--extra-model-paths-config /opt/darkroom/extra_model_paths.yaml --lowvram"
    arguments = start("comfyui", {"EXTRA_CMD_ARG": extra})
    assert following(arguments, "--extra-model-paths-config") == "/opt/darkroom/extra_model_paths.yaml"
    assert arguments[-1] == "--lowvram"


def test_without_a_chart_comfyui_finds_the_same_folders(root: Path) -> None:
    values: dict[str, Any] = yaml.safe_load(
        (root / "charts/sd-on-eks/values.yaml").read_text(encoding="utf-8")
    )
    api = values["runtime"]["inferenceApi"]
    own = yaml.safe_load((root / "images/comfyui/extra_model_paths.yaml").read_text(encoding="utf-8"))[
        "darkroom"
    ]
    assert own.pop("base_path") == api["modelMountPath"]
    assert {kind: paths.splitlines() for kind, paths in own.items()} == api["modelPaths"]
