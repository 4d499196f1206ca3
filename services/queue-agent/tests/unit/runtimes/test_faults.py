"""The table of what runtimes say: every row is reached by a real answer, and every answer by a row."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_agent import comfyui_faults as comfyui
from queue_agent import faults, sdwebui_faults
from queue_agent.errors import RuntimeLostError, RuntimeRefusedStartError, TaskFailedError
from queue_agent.faults import Meaning, Said, Sign, Voice, row_of

UPLOADS = "darkroom/"


def webui(status: int, said: Any) -> Said:
    return sdwebui_faults.read(status, said, options={"no_such_option"})


def broke(kind: str, message: str) -> Said:
    """Forge's answer to an exception that nobody handles."""
    return webui(500, {"error": kind, "detail": "", "body": "", "message": message})


def prompt(status: int, said: Any) -> Said:
    return comfyui.read_refusal(status, said, uploads=UPLOADS)


def node(kind: str, details: str, class_type: str, name: str) -> Said:
    error = {"type": kind, "message": "it is wrong", "details": details, "extra_info": {"input_name": name}}
    errors = {"4": {"errors": [error], "dependent_outputs": ["9"], "class_type": class_type}}
    return prompt(400, {"error": {"type": "prompt_outputs_failed_validation"}, "node_errors": errors})


def failed(kind: str, message: str) -> Said:
    """ComfyUI's `execution_error`."""
    return comfyui.read_failure(
        {"node_id": "3", "node_type": "KSampler", "exception_type": kind, "exception_message": message}
    )


def error_of_prompt(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message, "details": "", "extra_info": {}}, "node_errors": {}}


ANSWERS: list[tuple[str, Said]] = [
    ("out of memory", broke("OutOfMemoryError", "CUDA out of memory. Tried to allocate 20.00 GiB.")),
    ("out of memory", broke("RuntimeError", "CUDA error: out of memory")),
    (
        "out of memory",
        failed("torch.OutOfMemoryError", "Allocation on device \nThis error means you ran out"),
    ),
    (
        "gpu that does not fit",
        broke("RuntimeError", "CUDA error: no kernel image is available for execution"),
    ),
    ("poisoned gpu", broke("RuntimeError", "CUDA error: an illegal memory access was encountered")),
    ("poisoned gpu", failed("torch.AcceleratorError", "CUDA error: unspecified launch failure")),
    ("poisoned gpu", broke("AcceleratorError", "")),
    ("poisoned gpu", failed("RuntimeError", "HIP error: invalid device function")),
    ("poisoned gpu", failed("RuntimeError", "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED")),
    ("poisoned gpu", broke("RuntimeError", "Assertion failed: device-side assert triggered")),
    ("gpu", failed("RuntimeError", "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED")),
    (
        "gpu",
        failed("RuntimeError", "could not save 'x': CUDA error: y.png"),
    ),  # a user's words restart nothing
    ("machine", failed("OSError", "[Errno 28] No space left on device")),
    ("webui: unknown model", broke("RuntimeError", "model 'x' not found")),
    ("webui: unknown setting", broke("KeyError", "'no_such_option'")),
    ("webui: picture cannot be read", webui(500, {"detail": "Invalid encoded image"})),
    ("webui: picture by address", webui(500, {"detail": "Request to local resource not allowed"})),
    ("webui: unknown upscaler", broke("AssertionError", "could not find upscaler named Nope")),
    ("webui: impossible size", broke("RuntimeError", "Calculated padded input size per channel: (10 x 2).")),
    ("webui: something not found", webui(500, {"detail": "Sampler not found"})),
    ("webui: broke", broke("RuntimeError", "mat1 and mat2 shapes cannot be multiplied")),
    ("webui: broke", broke("NansException", "A tensor with NaNs was produced in Unet.")),
    ("webui: broke", broke("KeyError", "'model'")),
    ("webui: broke", webui(502, "<html>")),
    ("webui: not now", webui(401, {"detail": "Incorrect username or password"})),
    ("webui: not now", webui(503, "")),
    ("webui: no API yet", webui(404, {"detail": "Not Found"})),
    ("webui: too large", webui(413, "")),
    ("webui: no error", webui(302, "")),
    ("webui: refused without a word", webui(422, None)),
    ("webui: refused", webui(404, {"detail": "Init image not found"})),
    ("webui: refused", webui(422, {"detail": "Script 'CUDA error: out of memory' not found"})),
    ("comfyui: not now", prompt(403, "")),
    ("comfyui: too large", prompt(413, "413: Request Entity Too Large")),
    (
        "comfyui: unreadable workflow",
        prompt(500, "500 Internal Server Error\n\nServer got itself in trouble"),
    ),
    ("comfyui: refused", prompt(400, error_of_prompt("prompt_no_outputs", "Prompt has no outputs"))),
    (
        "comfyui: uploads gone",
        node("custom_validation_failed", "image - Invalid image file: darkroom/a.png", "LoadImage", "image"),
    ),
    (
        "comfyui: unknown model",
        node("value_not_in_list", "ckpt_name: 'x' not in []", "CheckpointLoaderSimple", "ckpt_name"),
    ),
    ("comfyui: refused nodes", node("value_smaller_than_min", "width", "EmptyImage", "width")),
    ("comfyui: node failed", failed("OSError", "Truncated File Read\n")),
    ("comfyui: node failed", failed("FileNotFoundError", "no file called 'CUDA error.png'")),
    ("comfyui: upload too large", Said(Voice.UPLOAD, 413)),
    ("comfyui: upload refused", Said(Voice.UPLOAD, 400)),
    ("comfyui: upload not taken", Said(Voice.UPLOAD, 500)),
    ("comfyui: dead worker", Said(Voice.QUEUE, message="late", signs=frozenset({Sign.NEVER_BEGAN}))),
    ("comfyui: lost", Said(Voice.QUEUE, message="it is in neither queue nor history")),
]


@pytest.mark.parametrize(("name", "said"), ANSWERS, ids=lambda value: value if isinstance(value, str) else "")
def test_an_answer_finds_its_row(name: str, said: Said) -> None:
    assert row_of(said).name == name


def test_every_row_is_reached_by_a_real_answer() -> None:
    assert {row_of(said).name for _, said in ANSWERS} == {row.name for row in faults.TABLE}
    assert len({row.name for row in faults.TABLE}) == len(faults.TABLE)


@pytest.mark.parametrize("said", [said for _, said in ANSWERS], ids=[name for name, _ in ANSWERS])
def test_what_a_row_means_is_what_is_raised(said: Said) -> None:
    row, error = row_of(said), faults.error_of(said)
    kinds = {Meaning.FAILED: TaskFailedError, Meaning.NOT_STARTED: RuntimeRefusedStartError}
    assert type(error) is kinds.get(row.meaning, RuntimeLostError)
    if isinstance(error, TaskFailedError):
        assert error.code is row.code
    if isinstance(error, RuntimeLostError):
        assert (error.code, error.poisoned) == (row.code, row.meaning is Meaning.POISONED)
    assert str(error).strip()
    assert "{" not in str(error)


@given(
    voice=st.sampled_from(Voice),
    status=st.integers(0, 999),
    kind=st.text(max_size=30),
    message=st.text(max_size=300),
    signs=st.frozensets(st.sampled_from(Sign)),
)
def test_whatever_is_said_has_a_row(
    voice: Voice, status: int, kind: str, message: str, signs: frozenset[Sign]
) -> None:
    assert str(faults.error_of(Said(voice, status, kind, message, "node 1 {x}", signs))) is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["detail", "error", "message", "errors", "node_errors", "loc", "msg", "type", "details", "1"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(status=st.integers(100, 599), said=JSON)
def test_whatever_shape_an_answer_has_it_is_read(status: int, said: Any) -> None:
    assert row_of(webui(status, said)).voices == {Voice.WEBUI} or status >= 500
    assert row_of(prompt(status, said)).voices & {Voice.PROMPT, Voice.NODES}
