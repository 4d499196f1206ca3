from importlib.resources import files

import pytest

from task_schema import Deployment, RuntimeSpec, parse_v1alpha1, parse_v1alpha2

EXAMPLES = {
    path.name: path.read_text()
    for path in files("task_schema.examples").iterdir()
    if path.name.endswith(".json")
}
WEBUI = RuntimeSpec(name="sdruntime", type="sdwebui", model_filename="v1-5-pruned-emaonly.safetensors")
COMFY = RuntimeSpec(name="sdruntime", type="comfyui")


def test_the_guides_six_requests_are_here() -> None:
    assert sorted(EXAMPLES) == [
        "v1alpha1-image-to-image.json",
        "v1alpha1-text-to-image.json",
        "v1alpha2-extra-single-image.json",
        "v1alpha2-image-to-image.json",
        "v1alpha2-pipeline.json",
        "v1alpha2-text-to-image.json",
    ]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_of_the_guide_is_accepted(name: str) -> None:
    version, _, tasktype = name.removesuffix(".json").partition("-")
    parse = parse_v1alpha1 if version == "v1alpha1" else parse_v1alpha2
    deployment = Deployment(runtimes=(COMFY if tasktype == "pipeline" else WEBUI,))
    parsed = parse(EXAMPLES[name], deployment)
    assert parsed.api_version == version
    assert parsed.metadata.tasktype == tasktype
    assert parsed.metadata.runtime == "sdruntime"
