import asyncio
import io
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp
import pytest
from PIL import Image

from local.sketch.testing import SketchServer, comfyui_server

type Graph = Callable[..., dict[str, Any]]
type Connect = Callable[[SketchServer], AbstractAsyncContextManager[Any]]


async def _view(client: Any, file: dict[str, str]) -> bytes:
    async with client.session.get("/view", params=file) as answer:
        assert answer.status == 200
        data: bytes = await answer.read()
        return data


async def test_a_prompt_runs_and_its_picture_can_be_fetched(client: Any, txt2img_graph: Graph) -> None:
    entry = await client.run(txt2img_graph(prefix="sub/ok"))
    assert entry["status"]["status_str"] == "success"
    assert entry["outputs"] == {
        "9": {"images": [{"filename": "ok_00001_.png", "subfolder": "sub", "type": "output"}]}
    }
    assert [name for name, _ in entry["status"]["messages"]] == [
        "execution_start",
        "execution_cached",
        "execution_success",
    ]
    image = Image.open(io.BytesIO(await _view(client, entry["outputs"]["9"]["images"][0])))
    assert image.size == (64, 64)
    assert json.loads(image.info["prompt"])["6"]["inputs"]["text"] == "a red fox"
    assert image.info["darkroom"].startswith("sketch")


async def test_a_workflow_in_extra_data_travels_in_the_picture(client: Any, plain: Graph) -> None:
    entry = await client.run(plain(), extra_data={"extra_pnginfo": {"workflow": {"nodes": []}}})
    image = Image.open(io.BytesIO(await _view(client, entry["outputs"]["2"]["images"][0])))
    assert json.loads(image.info["workflow"]) == {"nodes": []}


async def test_events_come_in_the_recorded_order(client: Any, txt2img_graph: Graph) -> None:
    async with client.session.ws_connect("/ws?clientId=A") as socket:
        prompt_id = await client.submit(txt2img_graph(steps=2), client_id="A")
        heard = await client.hear(socket, prompt_id)
    assert heard[0]["data"] == {"status": {"exec_info": {"queue_remaining": 0}}, "sid": "A"}
    names = [message["type"] for message in heard]
    assert names[1:5] == ["status", "status", "execution_start", "execution_cached"]
    assert names[-6:] == [
        "executing",
        "executed",
        "progress_state",
        "execution_success",
        "status",
        "executing",
    ]
    executing = [m["data"]["node"] for m in heard if m["type"] == "executing"]
    assert executing == ["4", "5", "7", "6", "3", "8", "9", None]
    progress = [(m["data"]["value"], m["data"]["max"]) for m in heard if m["type"] == "progress"]
    assert progress == [(1, 2), (2, 2)]
    states = [m["data"]["nodes"] for m in heard if m["type"] == "progress_state"]
    assert states[0]["4"]["state"] == "running"
    assert set(states[-1]) == {"3", "4", "5", "6", "7", "8", "9"}
    assert (states[-1]["3"]["value"], states[-1]["3"]["state"]) == (2, "finished")


async def test_an_unchanged_prompt_runs_nothing_and_names_the_old_file(
    client: Any, txt2img_graph: Graph
) -> None:
    first = await client.run(txt2img_graph())
    async with client.session.ws_connect("/ws?clientId=B") as socket:
        prompt_id = await client.submit(txt2img_graph(), client_id="B")
        heard = await client.hear(socket, prompt_id)
    again = await client.ended(prompt_id)
    assert again["outputs"] == first["outputs"]
    cached = next(m["data"]["nodes"] for m in heard if m["type"] == "execution_cached")
    assert sorted(cached) == ["3", "4", "5", "6", "7", "8", "9"]
    assert [m["data"]["node"] for m in heard if m["type"] == "executing"] == [None]
    assert [m["data"]["node"] for m in heard if m["type"] == "executed"] == ["9"]


async def test_a_new_prefix_runs_the_save_node_only(client: Any, txt2img_graph: Graph) -> None:
    await client.run(txt2img_graph())
    entry = await client.run(txt2img_graph(prefix="new"))
    assert entry["status"]["messages"][1][1]["nodes"] == ["3", "4", "5", "6", "7", "8"]
    assert entry["outputs"]["9"]["images"][0]["filename"] == "new_00001_.png"


async def test_the_cache_keeps_only_what_the_last_prompt_used(
    client: Any, txt2img_graph: Graph, plain: Graph
) -> None:
    await client.run(txt2img_graph())
    await client.run(plain())
    entry = await client.run(txt2img_graph())
    assert entry["status"]["messages"][1][1]["nodes"] == []
    assert entry["outputs"]["9"]["images"][0]["filename"] == "sd_00002_.png"


async def test_a_cached_file_that_is_gone_is_named_all_the_same(
    tmp_path: Any, connect: Connect, plain: Graph
) -> None:
    async with comfyui_server(folder=tmp_path) as server, connect(server) as client:
        first = await client.run(plain())
        (tmp_path / "output" / "plain_00001_.png").unlink()
        again = await client.run(plain())
        assert (again["status"]["status_str"], again["outputs"]) == ("success", first["outputs"])
        async with client.session.get("/view", params=again["outputs"]["2"]["images"][0]) as answer:
            assert (answer.status, await answer.read()) == (404, b"")


async def test_freeing_memory_drops_the_cache(client: Any, plain: Graph) -> None:
    await client.run(plain())
    assert await client.post("/free", {"free_memory": True}) == (200, "")
    entry = await client.run(plain())
    assert entry["outputs"]["2"]["images"][0]["filename"] == "plain_00002_.png"


async def test_a_batch_gives_a_file_for_each_picture(client: Any, txt2img_graph: Graph) -> None:
    entry = await client.run(txt2img_graph(batch=3))
    files = entry["outputs"]["9"]["images"]
    assert [file["filename"] for file in files] == ["sd_00001_.png", "sd_00002_.png", "sd_00003_.png"]
    assert len({await _view(client, file) for file in files}) == 3


async def test_one_good_output_is_enough_and_the_bad_one_is_told(client: Any, plain: Graph) -> None:
    graph = {**plain(), "3": plain(width=0)["1"], "4": {**plain()["2"], "inputs": {"images": ["3", 0]}}}
    graph["4"]["inputs"]["filename_prefix"] = "bad"
    status, said = await client.post("/prompt", {"prompt": graph})
    assert status == 200
    assert said["node_errors"]["3"]["dependent_outputs"] == ["4"]
    entry = await client.ended(said["prompt_id"])
    assert (entry["status"]["status_str"], list(entry["outputs"])) == ("success", ["2"])


def _error(said: dict[str, Any], node: str) -> dict[str, Any]:
    error: dict[str, Any] = said["node_errors"][node]["errors"][0]
    return error


@pytest.mark.parametrize(
    ("width", "kind", "details"),
    [
        (0, "value_smaller_than_min", "width"),
        (1_000_000_000, "value_bigger_than_max", "width"),
        ("wide", "invalid_input_type", "width, wide, invalid literal for int() with base 10: 'wide'"),
        (None, "invalid_input_type", "width, None, int() argument must be a string"),
        ([64], "bad_linked_input", "width"),
        (["1", 0], "return_type_mismatch", "width, received_type(IMAGE) mismatch input_type(INT)"),
    ],
)
async def test_bad_values_are_refused_with_their_place(
    client: Any, plain: Graph, width: Any, kind: str, details: str
) -> None:
    status, said = await client.post("/prompt", {"prompt": plain(width=width)})
    assert (status, said["error"]["type"]) == (400, "prompt_outputs_failed_validation")
    assert said["error"]["details"] == ""
    assert _error(said, "1")["type"] == kind
    assert _error(said, "1")["details"].startswith(details)
    assert _error(said, "1")["extra_info"]["input_config"][0] == "INT"
    assert said["node_errors"]["1"]["dependent_outputs"] == ["2"]


@pytest.mark.parametrize("width", [64.9, "64", True])
async def test_loose_types_are_taken_and_converted(client: Any, plain: Graph, width: Any) -> None:
    entry = await client.run(plain(width=width))
    assert entry["prompt"][2]["1"]["inputs"]["width"] == int(float(width))


async def test_a_missing_model_is_refused_with_the_list(client: Any, txt2img_graph: Graph) -> None:
    graph = txt2img_graph()
    graph["4"]["inputs"]["ckpt_name"] = "no-such.safetensors"
    status, said = await client.post("/prompt", {"prompt": graph})
    assert (status, _error(said, "4")["type"]) == (400, "value_not_in_list")
    assert _error(said, "4")["extra_info"]["input_config"][0] == [
        "v1-5-pruned-emaonly.safetensors",
        "sd_xl_base_1.0.safetensors",
    ]


async def test_broken_graphs_are_refused(client: Any, plain: Graph) -> None:
    async def refused(graph: dict[str, Any]) -> dict[str, Any]:
        status, said = await client.post("/prompt", {"prompt": graph})
        assert status == 400
        return dict(said)

    save = plain()["2"]
    unknown = await refused({"1": {"class_type": "NoSuchNode", "inputs": {}}, "2": save})
    assert unknown["error"]["message"] == "Cannot execute because node NoSuchNode does not exist."
    assert unknown["error"]["details"] == "Node ID '#1'"
    assert (await refused({"1": {"inputs": {}}, "2": save}))["error"]["type"] == "invalid_prompt"
    assert (await refused({"1": plain()["1"]}))["error"]["type"] == "prompt_no_outputs"
    assert (await refused({}))["error"]["type"] == "prompt_no_outputs"
    gone = await refused({"2": save})
    assert gone["error"]["details"] == "Exception when validating node: '1'"
    assert _error(gone, "2")["type"] == "exception_during_validation"
    slot = await refused(
        {"1": plain()["1"], "2": {**save, "inputs": {"images": ["1", 7], "filename_prefix": "t"}}}
    )
    assert _error(slot, "2")["extra_info"]["exception_type"] == "IndexError"
    bare = await refused({"1": {"class_type": "EmptyImage"}, "2": save})
    assert _error(bare, "1")["type"] == "exception_during_inner_validation"
    missing = plain()
    del missing["1"]["inputs"]["height"]
    assert _error(await refused(missing), "1")["type"] == "required_input_missing"


async def test_a_cycle_is_refused_without_saying_where(client: Any) -> None:
    graph = {
        "1": {"class_type": "ImageInvert", "inputs": {"image": ["2", 0]}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "t"}},
    }
    status, said = await client.post("/prompt", {"prompt": graph})
    assert (status, said["error"]["details"], said["node_errors"]) == (400, "", {})


@pytest.mark.parametrize(
    ("data", "status"), [(b"{not json", 500), (b"", 500), (b'{"prompt": "text"}', 500), (b"[1]", 400)]
)
async def test_malformed_bodies(client: Any, data: bytes, status: int) -> None:
    async with client.session.post("/prompt", data=data) as answer:
        assert answer.status == status
        text = await answer.text()
    if status == 500:
        assert text == "500 Internal Server Error\n\nServer got itself in trouble"
    else:
        assert json.loads(text)["error"]["type"] == "no_prompt"


async def test_the_client_chooses_the_prompt_id_and_it_is_not_unique(client: Any, plain: Graph) -> None:
    for color in (1, 2):
        assert (
            await client.submit(plain(color=color), prompt_id="not a uuid / at all") == "not a uuid / at all"
        )
    while (await client.get("/prompt"))["exec_info"]["queue_remaining"]:
        await asyncio.sleep(0.005)
    said = await client.get("/history/not%20a%20uuid%20%2F%20at%20all")
    assert said["not a uuid / at all"]["prompt"][0] == 1


async def test_the_queue_is_ordered_by_number_and_can_be_changed(
    connect: Connect, txt2img_graph: Graph
) -> None:
    async with comfyui_server(seconds_per_image=0.5) as server, connect(server) as client:
        running = await client.submit(txt2img_graph(seed=1))
        late = await client.submit(txt2img_graph(seed=2))
        deleted = await client.submit(txt2img_graph(seed=3))
        _, said = await client.post("/prompt", {"prompt": txt2img_graph(seed=4), "front": True})
        assert said["number"] == -3
        _, first = await client.post("/prompt", {"prompt": txt2img_graph(seed=5), "number": -50})
        assert first["number"] == -50.0
        queue = await client.get("/queue")
        assert queue["queue_running"][0][1] == running
        assert {item[1] for item in queue["queue_pending"]} == {
            late,
            deleted,
            said["prompt_id"],
            first["prompt_id"],
        }
        assert await client.post("/queue", {"delete": [deleted, "no-such-id"]}) == (200, "")
        await client.ended(late)
        ran = [job.name for job in server.stats.jobs]
        assert ran == [running, first["prompt_id"], said["prompt_id"], late]
        assert await client.get(f"/history/{deleted}") == {}


async def test_clearing_the_queue_leaves_what_runs(connect: Connect, txt2img_graph: Graph) -> None:
    async with comfyui_server(seconds_per_image=0.3) as server, connect(server) as client:
        running = await client.submit(txt2img_graph(seed=1))
        await client.submit(txt2img_graph(seed=2))
        assert await client.post("/queue", {"clear": True}) == (200, "")
        queue = await client.get("/queue")
        assert ([item[1] for item in queue["queue_running"]], queue["queue_pending"]) == ([running], [])
        assert (await client.ended(running))["status"]["completed"] is True


async def test_history_can_be_cut_and_deleted(client: Any, plain: Graph) -> None:
    ids = [await client.submit(plain(color=color)) for color in range(3)]
    await client.ended(ids[-1])
    assert list(await client.get("/history?max_items=2")) == ids[1:]
    assert await client.post("/history", {"delete": [ids[1]]}) == (200, "")
    assert await client.get(f"/history/{ids[1]}") == {}
    await client.post("/history", {"clear": True})
    assert await client.get("/history") == {}


async def _until_sampling(socket: aiohttp.ClientWebSocketResponse) -> None:
    while (await socket.receive_json(timeout=10))["type"] != "progress":
        pass


async def test_an_interrupt_is_an_error_that_only_its_message_tells(
    connect: Connect, txt2img_graph: Graph
) -> None:
    async with comfyui_server(seconds_per_image=5) as server, connect(server) as client:
        async with client.session.ws_connect("/ws?clientId=A") as socket:
            prompt_id = await client.submit(txt2img_graph(steps=400), client_id="A")
            await _until_sampling(socket)
            assert await client.post("/interrupt", {"prompt_id": prompt_id}) == (200, "")
            heard = await client.hear(socket, prompt_id)
        entry = await client.ended(prompt_id)
        assert (entry["status"]["status_str"], entry["status"]["completed"]) == ("error", False)
        name, data = entry["status"]["messages"][-1]
        assert (name, data["node_id"], data["node_type"]) == ("execution_interrupted", "3", "KSampler")
        assert sorted(data["executed"]) == ["4", "5", "6", "7"]
        assert [m["type"] for m in heard][-3:] == ["execution_interrupted", "status", "executing"]


async def test_an_interrupt_for_another_prompt_or_when_idle_does_nothing(
    connect: Connect, txt2img_graph: Graph
) -> None:
    async with comfyui_server(seconds_per_image=0.3) as server, connect(server) as client:
        assert await client.post("/interrupt", {}) == (200, "")
        running = await client.submit(txt2img_graph(seed=1))
        pending = await client.submit(txt2img_graph(seed=2))
        assert await client.post("/interrupt", {"prompt_id": pending}) == (200, "")
        for prompt_id in (running, pending):
            assert (await client.ended(prompt_id))["status"]["completed"] is True


async def test_a_failed_prompt_keeps_the_outputs_that_were_saved_first(client: Any, plain: Graph) -> None:
    form = aiohttp.FormData()
    form.add_field("image", b"\x89PNG broken", filename="corrupt.png", content_type="image/png")
    async with client.session.post("/upload/image", data=form) as answer:
        assert answer.status == 200
    graph = {
        **plain(),
        "3": {"class_type": "LoadImage", "inputs": {"image": "corrupt.png"}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "never"}},
    }
    entry = await client.run(graph)
    assert entry["status"]["status_str"] == "error"
    assert list(entry["outputs"]) == ["2"]
    name, data = entry["status"]["messages"][-1]
    assert (name, data["node_id"], data["exception_type"]) == ("execution_error", "3", "OSError")
    assert data["exception_message"] == "Truncated File Read\n"


@pytest.mark.parametrize("prefix", ["../escape", "/abs/path"])
async def test_a_prefix_that_leads_out_fails_at_run_time(client: Any, plain: Graph, prefix: str) -> None:
    entry = await client.run(plain(prefix=prefix))
    name, data = entry["status"]["messages"][-1]
    assert (name, data["node_type"]) == ("execution_error", "SaveImage")
    assert "outside the output folder" in data["exception_message"]


async def test_odd_prefixes(client: Any, plain: Graph) -> None:
    empty = await client.run(plain(prefix=""))
    assert empty["outputs"]["2"]["images"][0]["filename"] == "._00001_.png"
    named = await client.run(plain(prefix="n%width%x%height%_%date:yyyy%"))
    file = named["outputs"]["2"]["images"][0]
    assert file["filename"] == "n64x64_%date:yyyy%_00001_.png"
    assert await _view(client, file)


async def _upload(client: Any, name: str, data: bytes, **fields: str) -> tuple[int, Any]:
    form = aiohttp.FormData()
    form.add_field("image", data, filename=name, content_type="image/png")
    for key, value in fields.items():
        form.add_field(key, value)
    async with client.session.post("/upload/image", data=form) as answer:
        return answer.status, await answer.json() if answer.status == 200 else await answer.text()


def _png(color: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), color).save(out, "PNG")
    return out.getvalue()


async def test_uploads_are_renamed_when_the_name_is_taken_by_other_bytes(client: Any) -> None:
    red, blue = _png("red"), _png("blue")
    names = [
        (await _upload(client, "a.png", red))[1]["name"],
        (await _upload(client, "a.png", red))[1]["name"],
        (await _upload(client, "a.png", blue))[1]["name"],
        (await _upload(client, "a.png", blue, overwrite="true"))[1]["name"],
    ]
    assert names == ["a.png", "a.png", "a (1).png", "a.png"]
    sub = (await _upload(client, "a.png", red, subfolder="job1/in"))[1]
    assert sub == {"name": "a.png", "subfolder": "job1/in", "type": "input"}


async def test_bad_uploads(client: Any) -> None:
    assert (await _upload(client, "x.png", b"x", subfolder="../.."))[0] == 400
    assert (await _upload(client, "x.png", b"x", type="nonsense"))[0] == 500
    async with client.session.post("/upload/image", data={"other": "x"}) as answer:
        assert answer.status == 400


@pytest.mark.parametrize(
    ("fields", "name"),
    [({}, "a.png"), ({"subfolder": "in"}, "in/a.png"), ({"type": "temp"}, "a.png [temp]")],
)
async def test_an_upload_can_be_loaded_and_inverted(client: Any, fields: dict[str, str], name: str) -> None:
    await _upload(client, "a.png", _png("#ff0000"), **fields)
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "inv"}},
    }
    entry = await client.run(graph)
    image = Image.open(io.BytesIO(await _view(client, entry["outputs"]["3"]["images"][0])))
    assert image.getpixel((0, 0)) == (0, 255, 255)


async def test_another_file_under_the_same_name_is_loaded_again(client: Any) -> None:
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "copy"}},
    }
    colors = []
    for color in ("red", "blue"):
        await _upload(client, "a.png", _png(color), overwrite="true")
        entry = await client.run(graph)
        image = Image.open(io.BytesIO(await _view(client, entry["outputs"]["2"]["images"][0])))
        colors.append(image.getpixel((0, 0)))
    assert colors == [(255, 0, 0), (0, 0, 255)]


async def test_a_missing_input_picture_is_refused_before_the_run(client: Any) -> None:
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "no.png"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "never"}},
    }
    status, said = await client.post("/prompt", {"prompt": graph})
    assert status == 400
    assert _error(said, "1") == {
        "type": "custom_validation_failed",
        "message": "Custom validation failed for node",
        "details": "image - Invalid image file: no.png",
        "extra_info": {"input_name": "image"},
    }


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"filename": "no.png"}, 404),
        ({"filename": "../x.png"}, 400),
        ({"filename": "/etc/passwd"}, 400),
        ({"filename": "x.png", "type": "nonsense"}, 400),
        ({"type": "output"}, 404),
        ({"filename": "x.png", "type": "input", "subfolder": "../.."}, 403),
    ],
)
async def test_view_refuses_without_a_body(client: Any, query: dict[str, str], status: int) -> None:
    async with client.session.get("/view", params=query) as answer:
        assert (answer.status, await answer.read()) == (status, b"")


async def test_view_makes_previews(client: Any) -> None:
    await _upload(client, "a.png", _png("red"))
    query = {"filename": "a.png", "type": "input", "preview": "webp;50"}
    async with client.session.get("/view", params=query) as answer:
        assert Image.open(io.BytesIO(await answer.read())).format == "WEBP"


async def test_other_output_nodes(client: Any, plain: Graph) -> None:
    frames = plain(batch=3)["1"]
    webp = {"images": ["1", 0], "filename_prefix": "anim", "fps": 6.0, "lossless": True, "quality": 80}
    graph = {
        "1": frames,
        "2": {"class_type": "SaveAnimatedWEBP", "inputs": {**webp, "method": "default"}},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
        "4": {"class_type": "PreviewAny", "inputs": {"source": "hello"}},
        "5": {
            "class_type": "SaveAnimatedPNG",
            "inputs": {"images": ["1", 0], "filename_prefix": "apng", "fps": 6.0, "compress_level": 4},
        },
    }
    outputs = (await client.run(graph))["outputs"]
    assert outputs["2"]["animated"] == [True]
    assert outputs["2"]["images"][0]["filename"] == "anim_00001_.webp"
    assert [file["type"] for file in outputs["3"]["images"]] == ["temp"] * 3
    assert outputs["3"]["images"][0]["filename"].startswith("ComfyUI_temp_")
    assert outputs["4"] == {"text": ["hello"]}
    assert outputs["5"]["images"][0]["filename"] == "apng_00001_.png"


async def test_image_to_image_and_scaling_nodes(client: Any, txt2img_graph: Graph) -> None:
    await _upload(client, "a.png", _png("red"))
    graph = txt2img_graph()
    graph |= {
        "10": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "11": {
            "class_type": "ImageScale",
            "inputs": {
                "image": ["10", 0],
                "upscale_method": "lanczos",
                "width": 96,
                "height": 64,
                "crop": "center",
            },
        },
        "12": {"class_type": "VAEEncode", "inputs": {"pixels": ["11", 0], "vae": ["4", 2]}},
        "13": {
            "class_type": "ImageScaleBy",
            "inputs": {"image": ["8", 0], "upscale_method": "nearest-exact", "scale_by": 2.0},
        },
    }
    graph["3"]["inputs"] |= {"latent_image": ["12", 0], "denoise": 0.3, "steps": 20}
    graph["9"]["inputs"]["images"] = ["13", 0]
    entry = await client.run(graph)
    image = Image.open(io.BytesIO(await _view(client, entry["outputs"]["9"]["images"][0])))
    assert image.size == (192, 128)
    pixel = image.getpixel((96, 64))
    assert isinstance(pixel, tuple)
    assert pixel[0] > pixel[1] + 60


async def test_information_routes(client: Any) -> None:
    info = await client.get("/object_info/CheckpointLoaderSimple")
    assert (
        "v1-5-pruned-emaonly.safetensors"
        in info["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0]
    )
    assert await client.get("/object_info/NoSuchNode") == {}
    assert {"KSampler", "SaveImage"} <= set(await client.get("/object_info"))
    assert "comfyui_version" in (await client.get("/api/system_stats"))["system"]
    assert await client.get("/queue") == {"queue_running": [], "queue_pending": []}
    assert (await client.get("/features"))["max_upload_size"] == 104857600
    assert len(await client.get("/models/checkpoints")) == 2
    async with client.session.get("/models/no-such") as answer:
        assert answer.status == 404
    async with client.session.get("/no-such-route") as answer:
        assert answer.status == 404
    async with client.session.post("/free") as answer:
        assert answer.status == 500


async def test_pages_of_other_sites_are_refused(client: Any) -> None:
    for method in ("GET", "POST"):
        async with client.session.request(method, "/queue", headers={"Origin": "http://evil.test"}) as answer:
            assert (answer.status, await answer.read()) == (403, b"")
    async with client.session.options("/prompt") as answer:
        assert answer.status == 200
    async with client.session.head("/queue") as answer:
        assert answer.status == 200


async def test_statistics_tell_jobs_and_their_trace(comfy: SketchServer, client: Any, plain: Graph) -> None:
    headers = {"traceparent": "00-aa-bb-01"}
    async with client.session.post("/prompt", json={"prompt": plain()}, headers=headers) as answer:
        prompt_id = (await answer.json())["prompt_id"]
    await client.ended(prompt_id)
    said = await client.get("/_sketch/stats")
    assert (said["jobs"][0]["name"], said["jobs"][0]["traceparent"]) == (prompt_id, "00-aa-bb-01")
    assert said["jobs"][0]["outcome"] == "succeeded"
    assert comfy.stats.requests["POST /prompt"] == 1


async def test_loading_a_model_takes_its_time_once(connect: Connect, txt2img_graph: Graph) -> None:
    async with comfyui_server(load_seconds=0.1) as server, connect(server) as client:
        await client.run(txt2img_graph(seed=1))
        await client.run(txt2img_graph(seed=2))
        spent = [end - start for start, end in server.stats.busy()]
        assert spent[0] >= 90
        assert spent[1] < spent[0]
