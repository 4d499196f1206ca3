import json
from collections.abc import Callable
from typing import Any

import pytest

from task_schema import (
    Deployment,
    ParsedRequest,
    RequestRefusedError,
    RuntimeSpec,
    parse_v1alpha1,
    parse_v1alpha2,
)

type Parse = Callable[[Any], ParsedRequest]
type Found = Callable[[Any], list[tuple[str, str | None]]]


@pytest.fixture
def deployment() -> Deployment:
    return Deployment(
        runtimes=(
            RuntimeSpec(name="sdruntime", type="sdwebui", model_filename="v1-5-pruned-emaonly.safetensors"),
            RuntimeSpec(name="sddynamic", type="sdwebui", dynamic_model=True),
            RuntimeSpec(name="comfyruntime", type="comfyui"),
            RuntimeSpec(name="own", type="acme", task_types=("text-to-video",)),
        )
    )


@pytest.fixture
def request_v2() -> Callable[..., Any]:
    """Make a v1alpha2 body; `metadata` keys set to `...` are left out."""

    def make(content: Any = None, **metadata: Any) -> dict[str, Any]:
        given = {
            "id": "t",
            "runtime": "sdruntime",
            "tasktype": "text-to-image",
            "prefix": "output",
            **metadata,
        }
        kept = {key: value for key, value in given.items() if value is not ...}
        return {"task": {"metadata": kept, "content": {"prompt": "A dog"} if content is None else content}}

    return make


@pytest.fixture
def request_v1() -> Callable[..., Any]:
    """Make a v1alpha1 body; routing keys set to `...` are left out."""

    def make(body: Any = None, **scripts: Any) -> dict[str, Any]:
        given = {
            "task": "text-to-image",
            "sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors",
            "id_task": "t",
            "save_dir": "outputs",
            **scripts,
        }
        kept = {key: value for key, value in given.items() if value is not ...}
        return {"alwayson_scripts": kept, "prompt": "A dog", **(body or {})}

    return make


@pytest.fixture
def parse2(deployment: Deployment) -> Parse:
    return lambda body: parse_v1alpha2(json.dumps(body), deployment)


@pytest.fixture
def parse1(deployment: Deployment) -> Parse:
    return lambda body: parse_v1alpha1(json.dumps(body), deployment)


def _faults(parse: Parse, body: Any) -> list[tuple[str, str | None]]:
    try:
        parse(body)
    except RequestRefusedError as exc:
        return [(fault.code.value, fault.field) for fault in exc.faults]
    return []


@pytest.fixture
def faults2(parse2: Parse) -> Found:
    """Codes and fields of what a v1alpha2 body is refused for; empty where it is accepted."""
    return lambda body: _faults(parse2, body)


@pytest.fixture
def faults1(parse1: Parse) -> Found:
    return lambda body: _faults(parse1, body)
