from pathlib import Path

import pytest

from local.deployment import MODELS, models_of, packaged_config, read_config, read_config_file
from local.errors import BadOptionError


def test_the_packaged_configuration_has_one_runtime_of_each_kind() -> None:
    config = read_config(packaged_config())
    assert config.stack == "sdoneksStack"
    assert [(runtime.name, runtime.type, runtime.dynamic_model) for runtime in config.runtimes] == [
        ("sdruntime", "sdwebui", False),
        ("sddynamic", "sdwebui", True),
        ("comfyruntime", "comfyui", False),
    ]


def test_a_static_runtime_has_its_model_only_and_others_have_all() -> None:
    static, dynamic, comfy = read_config(packaged_config()).runtimes
    assert models_of(static) == ("v1-5-pruned-emaonly.safetensors",)
    assert models_of(dynamic) == models_of(comfy) == MODELS


@pytest.mark.parametrize("text", ["", "[]", "a: [", "stackName: a", "stackName: a\nmodelsRuntime: [3]"])
def test_what_is_no_configuration_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadOptionError, match=r"mine\.yaml"):
        read_config(text, source="mine.yaml")


def test_a_type_that_nothing_here_can_play_is_refused() -> None:
    text = "stackName: a\nmodelsRuntime:\n- {name: own, type: invoke}\n"
    with pytest.raises(BadOptionError, match="runtime own has type 'invoke'"):
        read_config(text)


def test_another_file_takes_the_place_of_the_packaged_one(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("stackName: other\nmodelsRuntime:\n- {name: a, type: comfyui, namespace: x}\n")
    text, config = read_config_file(path)
    assert config.stack == "otherStack"
    assert text == path.read_text()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match=r"gone\.yaml cannot be read: No such file"):
        read_config_file(tmp_path / "gone.yaml")
