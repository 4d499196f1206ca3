"""`verify` against an API that says what it is told; the whole system has its turn in tests/e2e."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.operating.errors import PictureMissingError
from darkroom_cli.operating.kinds import kinds
from darkroom_cli.operating.pictures import blocks
from darkroom_cli.operating.system import System
from darkroom_cli.operating.verify import verify
from darkroom_cli.terminal import Terminal
from darkroom_client import Connection
from darkroom_client.testing import ACCEPTED, Say, Seen, Server, refusal, task
from task_schema import Deployment, RuntimeSpec

STATIC = RuntimeSpec(name="sdruntime", type="sdwebui", model_filename="a.safetensors")
DYNAMIC = RuntimeSpec(name="sddynamic", type="sdwebui", dynamic_model=True)
COMFY = RuntimeSpec(name="comfy", type="comfyui")
OWN = RuntimeSpec(name="own", type="invokeai", task_types=("dream",))


def png() -> bytes:
    packed = io.BytesIO()
    Image.new("RGB", (8, 4), "navy").save(packed, "PNG")
    return packed.getvalue()


class Api:
    """Accepts all, and lets each task end as it is told."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.picture = png()
        self.refuses: set[str] = set()
        self.fails: set[str] = set()
        self.empty = False
        server.script = self

    def __call__(self, seen: Seen) -> Say:
        if seen.method == "POST":
            kind = f"{seen.path.rpartition('/')[2]} {_kind(seen)}"
            if kind in self.refuses:
                return Say(400, refusal("bad_value", "steps has to be smaller"))
            return Say(200, ACCEPTED | {"sd_model_checkpoint": "a.safetensors"})
        if seen.path.startswith("/bucket/"):
            return Say(200, self.picture)
        task_id = seen.path.rpartition("/")[2]
        if any(word in task_id for word in self.fails):
            error = {"code": "out_of_memory", "message": "the GPU is too small", "retryable": True}
            return Say(200, task("failed", id=task_id, error=error))
        key = f"{task_id}-1.png"
        images = [{"s3": f"s3://out/{key}", "url": f"{self.server.url}/bucket/{key}"}]
        return Say(200, task("succeeded", id=task_id, images=[] if self.empty else images))


def _kind(seen: Seen) -> str:
    if "task" in seen.body:
        kind: str = seen.body["task"]["metadata"]["tasktype"]
    else:
        kind = seen.body["alwayson_scripts"]["task"]
    return kind


@pytest.fixture
def api() -> Iterator[Api]:
    server = Server()
    yield Api(server)
    server.close()


def system(api: Api, *runtimes: RuntimeSpec) -> System:
    return System(
        stack="sdStack",
        stack_status="CREATE_COMPLETE",
        connection=Connection(f"{api.server.url}/prod/", "a-key"),
        deployment=Deployment(runtimes=runtimes),
        outputs={},
        queues={},
        aws=lambda _: None,
    )


def terminal() -> tuple[Terminal, io.StringIO]:
    said = io.StringIO()
    console = Console(file=said, width=200, highlight=False)
    return Terminal(console, console), said


def run(
    api: Api, folder: Path, *runtimes: RuntimeSpec, only: tuple[str, ...] = (), show: bool = False
) -> str:
    speaking, said = terminal()
    verify(system(api, *runtimes), runtimes=only, folder=folder, timeout=10, terminal=speaking, show=show)
    return said.getvalue()


def test_each_runtime_is_asked_what_the_guide_names_for_its_type(api: Api, tmp_path: Path) -> None:
    said = run(api, tmp_path, STATIC, COMFY)
    posted = [(seen.path, _kind(seen)) for seen in api.server.seen if seen.method == "POST"]
    assert posted == [
        ("/prod/v1alpha2", "text-to-image"),
        ("/prod/v1alpha2", "image-to-image"),
        ("/prod/v1alpha2", "extra-single-image"),
        ("/prod/v1alpha1", "text-to-image"),
        ("/prod/v1alpha1", "image-to-image"),
        ("/prod/v1alpha2", "pipeline"),
    ]
    assert len(list(tmp_path.glob("*.png"))) == 6
    assert "6 requests, 6 pictures" in said


def test_the_older_api_is_asked_only_where_it_leads_to_the_runtime() -> None:
    both = Deployment(runtimes=(STATIC, DYNAMIC))
    alone = Deployment(runtimes=(DYNAMIC,))
    assert not [kind for kind in kinds(DYNAMIC, both, "a.safetensors") if "v1alpha1" in kind.label]
    assert [kind.label for kind in kinds(DYNAMIC, alone, "b.safetensors") if "v1alpha1" in kind.label] == [
        "text-to-image v1alpha1",
        "image-to-image v1alpha1",
    ]


def test_a_dynamic_runtime_is_asked_for_the_model_and_a_static_one_is_not() -> None:
    for spec, expected in ((DYNAMIC, {"sd_model_checkpoint": "b.ckpt"}), (STATIC, {})):
        first = next(kinds(spec, Deployment(runtimes=(spec,)), "b.ckpt"))
        assert first.request.body["task"]["content"]["alwayson_scripts"] == expected


def test_one_runtime_can_be_chosen_and_an_unknown_one_is_refused(api: Api, tmp_path: Path) -> None:
    assert "1 requests" in run(api, tmp_path, STATIC, COMFY, only=("comfy",))
    with pytest.raises(BadRequestOptionError, match="has no 'nobody'; it has sdruntime, comfy"):
        run(api, tmp_path, STATIC, COMFY, only=("nobody",))


def test_a_type_that_nothing_is_known_of_is_told_and_alone_is_an_error(api: Api, tmp_path: Path) -> None:
    assert "nothing is known to ask of its type 'invokeai'" in run(api, tmp_path, OWN, COMFY)
    with pytest.raises(BadRequestOptionError, match="nothing was verified"):
        run(api, tmp_path, OWN)


def test_a_task_that_fails_is_named_with_its_reason_and_the_doctor(api: Api, tmp_path: Path) -> None:
    api.fails = {"extra-single-image"}
    with pytest.raises(PictureMissingError) as failed:
        run(api, tmp_path, STATIC)
    said = str(failed.value)
    assert "1 of 5" in said
    assert "extra-single-image v1alpha2: out_of_memory: the GPU is too small" in said
    assert "./darkroom doctor verify-extra-single-image" in said
    assert "--stack-name sdStack" in said
    assert failed.value.exit_code == 1


def test_a_request_that_is_refused_does_not_stop_the_others(api: Api, tmp_path: Path) -> None:
    api.refuses = {"v1alpha2 image-to-image"}
    with pytest.raises(PictureMissingError, match="steps has to be smaller"):
        run(api, tmp_path, STATIC)
    assert len(list(tmp_path.glob("*.png"))) == 4


def test_a_picture_that_does_not_open_is_missing(api: Api, tmp_path: Path) -> None:
    api.picture = b"no picture"
    with pytest.raises(PictureMissingError, match="cannot identify image file"):
        run(api, tmp_path, COMFY)


def test_success_without_a_picture_is_missing_one(api: Api, tmp_path: Path) -> None:
    api.empty = True
    with pytest.raises(PictureMissingError, match="without a picture"):
        run(api, tmp_path, COMFY)


def test_a_folder_that_cannot_be_made_is_told_before_a_picture_costs_anything(
    api: Api, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(BadRequestOptionError, match=r"--out: .*taken cannot be made a folder: File exists"):
        run(api, tmp_path / "taken", COMFY)
    assert api.server.seen == []


def test_an_api_that_does_not_take_the_key_is_told_for_each_request(api: Api, tmp_path: Path) -> None:
    api.server.script = lambda _: Say(403, {"message": "Forbidden"})
    with pytest.raises(PictureMissingError, match=r"1 of 1(.|\n)*Forbidden"):
        run(api, tmp_path, COMFY)


def test_pictures_can_be_drawn_in_the_terminal(api: Api, tmp_path: Path) -> None:
    assert "\u2580" * 24 in run(api, tmp_path, COMFY, show=True)


def test_a_drawn_picture_keeps_its_shape_and_colours(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png())
    drawn = blocks(path, 8)
    assert drawn.plain == ("\u2580" * 8 + "\n") * 2
    assert {str(span.style) for span in drawn.spans} == {"#000080 on #000080"}
