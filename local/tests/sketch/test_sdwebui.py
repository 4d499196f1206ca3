import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from local.sketch.testing import SketchServer, sdwebui_server

type Opened = Callable[[str], Image.Image]

SMALL = {"prompt": "a red fox", "negative_prompt": "blurry", "steps": 2, "width": 64, "height": 64, "seed": 7}


async def _make(http: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await http.post("/sdapi/v1/txt2img", json={**SMALL, **changes})
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def _until_running(http: httpx.AsyncClient) -> dict[str, Any]:
    while True:
        said: dict[str, Any] = (await http.get("/sdapi/v1/progress?skip_current_image=true")).json()
        if said["state"]["sampling_step"] > 0:
            return said
        await asyncio.sleep(0.005)


async def test_text_to_image_answers_with_a_picture_and_info_as_a_json_string(
    http: httpx.AsyncClient, opened: Opened
) -> None:
    said = await _make(http)
    image = opened(said["images"][0])
    info = json.loads(said["info"])
    assert (image.format, image.size) == ("PNG", (64, 64))
    assert image.info["parameters"] == info["infotexts"][0]
    assert image.info["darkroom"] == "sketch: painted from prompt and seed, no model involved"
    assert info["infotexts"][0].startswith("a red fox\nNegative prompt: blurry\nSteps: 2, Sampler: Euler, ")
    assert said["parameters"]["seed"] == 7
    assert said["parameters"]["override_settings"] is None


async def test_the_same_seed_gives_the_same_picture(http: httpx.AsyncClient) -> None:
    one, other, third = await _make(http), await _make(http), await _make(http, seed=8)
    assert one["images"] == other["images"]
    assert one["images"] != third["images"]


async def test_the_real_seed_is_only_in_info(http: httpx.AsyncClient) -> None:
    said = await _make(http, seed=-1)
    assert said["parameters"]["seed"] == -1
    assert json.loads(said["info"])["seed"] >= 0


async def test_batches_number_their_seeds_on(http: httpx.AsyncClient) -> None:
    said = await _make(http, batch_size=2, n_iter=2)
    assert len(set(said["images"])) == 4
    assert json.loads(said["info"])["all_seeds"] == [7, 8, 9, 10]


async def test_a_size_that_is_no_multiple_of_8_is_cut_in_the_picture_only(
    http: httpx.AsyncClient, opened: Opened
) -> None:
    said = await _make(http, width=65, height=71)
    assert opened(said["images"][0]).size == (64, 64)
    assert (json.loads(said["info"])["width"], json.loads(said["info"])["height"]) == (65, 71)


async def test_hires_fix_makes_the_larger_picture(http: httpx.AsyncClient, opened: Opened) -> None:
    said = await _make(http, enable_hr=True, hr_scale=2)
    assert opened(said["images"][0]).size == (128, 128)


async def test_image_to_image_starts_from_the_given_picture_and_does_not_send_it_back(
    http: httpx.AsyncClient, png64: str, opened: Opened
) -> None:
    body = {**SMALL, "init_images": [png64], "denoising_strength": 0.3, "steps": 20}
    said = (await http.post("/sdapi/v1/img2img", json=body)).json()
    picture = opened(said["images"][0])
    left, right = picture.getpixel((16, 32)), picture.getpixel((48, 32))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert left[0] > right[0] + 60  # yellow beside navy, still
    assert said["parameters"]["init_images"] is None
    assert json.loads(said["info"])["extra_generation_params"] == {"Denoising strength": 0.3}


async def test_images_are_left_out_on_request(http: httpx.AsyncClient) -> None:
    assert (await _make(http, send_images=False, save_images=True))["images"] == []


@pytest.mark.parametrize(
    ("content", "kind", "loc"),
    [
        (b"{bad", "json_invalid", ["body", 1]),
        (b"", "missing", ["body"]),
        (b"[1, 2]", "model_attributes_type", ["body"]),
        (b'{"steps": "many"}', "int_parsing", ["body", "steps"]),
    ],
)
async def test_a_body_that_cannot_be_read_is_422_with_a_list(
    http: httpx.AsyncClient, content: bytes, kind: str, loc: list[Any]
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await http.post("/sdapi/v1/txt2img", content=content, headers=headers)
    fault = answer.json()["detail"][0]
    assert (answer.status_code, fault["type"], fault["loc"]) == (422, kind, loc)


async def test_json_sent_as_text_is_422(http: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "text/plain"}
    answer = await http.post("/sdapi/v1/txt2img", content=b'{"prompt": "x"}', headers=headers)
    assert answer.json()["detail"][0]["input"] == '{"prompt": "x"}'


@pytest.mark.parametrize("extra", [{"script_name": "NoSuch"}, {"alwayson_scripts": {"NoSuch": {"args": []}}}])
async def test_an_unknown_script_is_422_with_a_string(http: httpx.AsyncClient, extra: dict[str, Any]) -> None:
    answer = await http.post("/sdapi/v1/txt2img", json={**SMALL, **extra})
    assert (answer.status_code, answer.json()) == (422, {"detail": "Script 'NoSuch' not found"})


async def test_a_known_script_is_accepted(http: httpx.AsyncClient) -> None:
    assert (await _make(http, alwayson_scripts={"ControlNet": {"args": []}}))["images"]


async def test_image_to_image_without_pictures(http: httpx.AsyncClient) -> None:
    missing = await http.post("/sdapi/v1/img2img", json=SMALL)
    assert (missing.status_code, missing.json()) == (404, {"detail": "Init image not found"})
    empty = await http.post("/sdapi/v1/img2img", json={**SMALL, "init_images": []})
    assert (empty.status_code, empty.json()["error"]) == (500, "IndexError")


@pytest.mark.parametrize(
    ("image", "detail"),
    [
        ("zzzz", "Invalid encoded image"),
        ("!!!not base64", "Invalid encoded image"),
        ("", "Invalid encoded image"),
        ("http://127.0.0.1:1/x.png", "Request to local resource not allowed"),
    ],
)
async def test_a_bad_picture_is_a_500_with_a_detail_and_the_connection_stays(
    http: httpx.AsyncClient, image: str, detail: str
) -> None:
    answer = await http.post("/sdapi/v1/extra-single-image", json={"image": image, "upscaler_1": "Lanczos"})
    assert (answer.status_code, answer.json()) == (500, {"detail": detail})
    assert (await http.get("/sdapi/v1/memory")).status_code == 200


async def _raw(server: SketchServer, body: dict[str, Any]) -> tuple[bytes, bytes]:
    """Send one POST on a connection of its own; returns head and what comes until the server closes."""
    port = int(server.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    data = json.dumps(body).encode()
    head = f"POST /sdapi/v1/extra-single-image HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n"
    writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n" + data)
    answer = await reader.readuntil(b"\r\n\r\n")
    rest = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return answer, rest


async def test_after_an_unhandled_exception_the_connection_closes_without_having_said_so(
    webui: SketchServer, png64: str
) -> None:
    head, rest = await _raw(webui, {"image": png64, "upscaler_1": "NoSuch"})
    assert head.startswith(b"HTTP/1.1 500")
    assert b"connection: close" not in head.lower()
    assert json.loads(rest) == {
        "error": "AssertionError",
        "detail": "",
        "body": "",
        "message": "could not find upscaler named NoSuch",
    }


async def test_width_0_is_a_500(http: httpx.AsyncClient) -> None:
    answer = await http.post("/sdapi/v1/txt2img", json={**SMALL, "width": 0, "unknown_field": 1})
    assert (answer.status_code, answer.json()["error"]) == (500, "RuntimeError")


async def test_an_unknown_sampler_is_replaced_in_silence(http: httpx.AsyncClient) -> None:
    said = await _make(http, sampler_name="NoSuchSampler")
    info = json.loads(said["info"])
    assert said["parameters"]["sampler_name"] == "NoSuchSampler"
    assert info["sampler_name"] == "DPM++ 2M"
    assert info["extra_generation_params"] == {"Schedule type": "Karras"}


async def test_an_unknown_checkpoint_is_replaced_in_silence(http: httpx.AsyncClient) -> None:
    said = await _make(http, override_settings={"sd_model_checkpoint": "no-such-model"})
    assert json.loads(said["info"])["sd_model_name"] == "v1-5-pruned-emaonly"
    assert said["parameters"]["override_settings"] == {}


@pytest.mark.parametrize("spelling", ["sd_xl_base_1.0.safetensors", "sd_xl_base_1.0", "title"])
async def test_a_checkpoint_can_be_chosen_for_one_job(http: httpx.AsyncClient, spelling: str) -> None:
    titles = [model["title"] for model in (await http.get("/sdapi/v1/sd-models")).json()]
    wanted = titles[1] if spelling == "title" else spelling
    said = await _make(http, override_settings={"sd_model_checkpoint": wanted})
    assert json.loads(said["info"])["sd_model_name"] == "sd_xl_base_1.0"
    assert json.loads((await _make(http))["info"])["sd_model_name"] == "v1-5-pruned-emaonly"


async def test_an_override_of_an_option_that_was_never_saved_leaks(
    http: httpx.AsyncClient, opened: Opened
) -> None:
    await _make(http, override_settings={"samples_format": "jpg", "CLIP_stop_at_last_layers": 2})
    later = await _make(http)
    assert opened(later["images"][0]).format == "JPEG"
    assert json.loads(later["info"])["clip_skip"] == 2
    # Now that it is saved, another override of it is undone before the picture is even encoded (a08).
    webp = await _make(http, override_settings={"samples_format": "webp"})
    assert opened(webp["images"][0]).format == "JPEG"


async def test_options_can_be_set_and_unknown_ones_are_500(http: httpx.AsyncClient, opened: Opened) -> None:
    assert (await http.post("/sdapi/v1/options", json={"samples_format": "webp"})).json() is None
    assert opened((await _make(http))["images"][0]).format == "WEBP"
    unknown = await http.post("/sdapi/v1/options", json={"no_such_option": 1})
    assert (unknown.status_code, unknown.json()["message"]) == (500, "'no_such_option'")
    model = await http.post("/sdapi/v1/options", json={"sd_model_checkpoint": "no-such-model"})
    assert (model.status_code, model.json()["message"]) == (500, "model 'no-such-model' not found")


async def test_switching_the_model_by_option_takes_its_time_and_stays() -> None:
    async with (
        sdwebui_server(load_seconds=0.1) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        await http.post("/sdapi/v1/options", json={"sd_model_checkpoint": "sd_xl_base_1.0"})
        load = server.stats.jobs[-1]
        assert load.finished_at is not None
        assert load.finished_at - load.started_at >= 90
        assert (
            (await http.get("/sdapi/v1/options")).json()["sd_model_checkpoint"].startswith("sd_xl_base_1.0")
        )
        assert json.loads((await _make(http))["info"])["sd_model_name"] == "sd_xl_base_1.0"


async def test_no_model_is_there_until_the_cold_start_is_over() -> None:
    async with (
        sdwebui_server(cold_seconds=1.2) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        assert (await http.get("/sdapi/v1/options")).json()["sd_model_checkpoint"] is None
        assert (await _make(http))["images"]  # waits for the model
        assert (await http.get("/sdapi/v1/options")).json()["sd_model_checkpoint"]


async def test_unloading_and_reloading_the_model(http: httpx.AsyncClient) -> None:
    for action in ("unload-checkpoint", "reload-checkpoint", "refresh-checkpoints"):
        answer = await http.post(f"/sdapi/v1/{action}")
        assert (answer.status_code, answer.json()) == (200, None)
    assert (await _make(http))["images"]


async def test_progress_is_process_wide_and_0_when_idle() -> None:
    async with (
        sdwebui_server(seconds_per_image=0.4) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        idle = (await http.get("/sdapi/v1/progress")).json()
        assert (idle["progress"], idle["state"]["job"], idle["state"]["job_count"]) == (0, "", 0)
        job = asyncio.create_task(_make(http, steps=20))
        running = await _until_running(http)
        assert running["state"]["job"] == "scripts_txt2img"
        assert running["state"]["sampling_steps"] == 20
        assert 0 < running["progress"] < 1
        assert running["eta_relative"] > 0
        assert (await http.get("/sdapi/v1/progress")).json()["current_image"]
        await job
        assert (await http.get("/sdapi/v1/progress")).json()["progress"] == 0


async def test_an_interrupted_run_is_200_with_a_half_done_picture_and_does_not_say_so() -> None:
    async with (
        sdwebui_server(seconds_per_image=5) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as http,
    ):
        job = asyncio.create_task(_make(http, steps=60))
        await _until_running(http)
        answer = await http.post("/sdapi/v1/interrupt")
        assert (answer.status_code, answer.json()) == (200, {})
        said = await job
        assert len(said["images"]) == 1
        assert json.loads(said["info"])["steps"] == 60
        assert server.stats.jobs[-1].outcome == "interrupted"


async def test_interrupt_and_skip_when_idle_do_nothing(http: httpx.AsyncClient) -> None:
    assert (await http.post("/sdapi/v1/interrupt")).json() == {}
    assert (await http.post("/sdapi/v1/skip")).json() is None
    one, other = await _make(http, steps=20), await _make(http, steps=20)
    assert one["images"] == other["images"]


async def test_two_jobs_run_one_after_the_other() -> None:
    async with (
        sdwebui_server(seconds_per_image=0.1) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        await asyncio.gather(_make(http), _make(http, seed=8))
        (_, first_end), (second_start, _) = server.stats.busy()
        assert second_start >= first_end


async def test_a_client_that_goes_away_does_not_stop_the_run() -> None:
    async with sdwebui_server(seconds_per_image=1) as server:
        impatient = httpx.Timeout(30, read=0.2)
        async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=impatient) as http:
            with pytest.raises(httpx.ReadTimeout):
                await _make(http)
        while server.stats.running:
            await asyncio.sleep(0.01)
        assert server.stats.jobs[0].outcome == "succeeded"


async def test_upscaling_names_what_it_did(http: httpx.AsyncClient, png64: str, opened: Opened) -> None:
    async def run(**extra: Any) -> dict[str, Any]:
        answer = await http.post("/sdapi/v1/extra-single-image", json={"image": png64, **extra})
        said: dict[str, Any] = answer.json()
        return said

    twice = await run(upscaling_resize=2, upscaler_1="Lanczos")
    assert twice["html_info"] == "<p>Postprocess upscale by: 2.0, Postprocess upscaler: Lanczos</p>"
    assert opened(twice["image"]).size == (64, 64)
    box = await run(
        resize_mode=1, upscaling_resize_w=50, upscaling_resize_h=70, upscaling_crop=True, upscaler_1="Lanczos"
    )
    assert opened(box["image"]).size == (50, 70)
    assert "Postprocess crop to: 50x70" in box["html_info"]
    none = await run()
    assert (none["html_info"], opened(none["image"]).size) == ("<p></p>", (32, 32))
    guide = await run(upscaling_resize=4, upscaler_1="ESRGAN_4X")
    assert opened(guide["image"]).size == (128, 128)


async def test_batches_are_upscaled_together(http: httpx.AsyncClient, png64: str, opened: Opened) -> None:
    body = {
        "imageList": [{"data": png64, "name": "a.png"}] * 2,
        "upscaler_1": "Nearest",
        "upscaling_resize": 3,
    }
    said = (await http.post("/sdapi/v1/extra-batch-images", json=body)).json()
    assert [opened(each).size for each in said["images"]] == [(96, 96)] * 2


async def test_a_pictures_parameters_can_be_read_back(http: httpx.AsyncClient) -> None:
    made = await _make(http)
    said = (await http.post("/sdapi/v1/png-info", json={"image": made["images"][0]})).json()
    assert said["info"] == json.loads(made["info"])["infotexts"][0]
    assert said["parameters"]["Seed"] == "7"
    assert said["parameters"]["Prompt"] == "a red fox"
    assert (said["parameters"]["Size-1"], said["parameters"]["Size-2"]) == ("64", "64")


async def test_large_answers_are_compressed_and_errors_are_not(http: httpx.AsyncClient) -> None:
    made = await http.post("/sdapi/v1/txt2img", json=SMALL)
    assert made.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in (await http.get("/sdapi/v1/cmd-flags")).headers


async def test_command_line_flags_are_a_500_as_recorded(http: httpx.AsyncClient) -> None:
    answer = await http.get("/sdapi/v1/cmd-flags")
    assert (answer.status_code, answer.json()["error"]) == (500, "ResponseValidationError")


@pytest.mark.parametrize(
    "path", ["samplers", "schedulers", "upscalers", "sd-models", "scripts", "memory", "embeddings"]
)
async def test_catalogues_answer(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(f"/sdapi/v1/{path}")
    assert answer.status_code == 200
    assert answer.json()


async def test_wrong_methods_and_unknown_routes(http: httpx.AsyncClient) -> None:
    assert (await http.get("/sdapi/v1/txt2img")).status_code == 405
    assert (await http.get("/internal/ping")).json() == {"detail": "Not Found"}
    assert "/sdapi/v1/txt2img" in (await http.get("/openapi.json")).json()["paths"]


async def test_without_painting_every_job_gets_the_prepared_picture() -> None:
    async with (
        sdwebui_server(paint=False) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        one, other = await _make(http, prompt="a dog"), await _make(http, prompt="a dog", batch_size=2)
        assert one["images"][0] == other["images"][0]
        assert json.loads(one["info"])["prompt"] == "a dog"


async def test_statistics_tell_jobs_and_their_trace(http: httpx.AsyncClient, webui: SketchServer) -> None:
    await http.post("/sdapi/v1/txt2img", json=SMALL, headers={"traceparent": "00-aa-bb-01"})
    said = (await http.get("/_sketch/stats")).json()
    assert said["requests"] == {"POST /sdapi/v1/txt2img": 1}
    assert said["running"] == []
    assert said["jobs"][0]["traceparent"] == "00-aa-bb-01"
    assert len(said["busy"]) == len(webui.stats.jobs) == 1
