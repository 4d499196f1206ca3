"""Uploads: a picture is sent to S3 and named in tasks; and the key that a task came with."""

import io
import random
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from darkroom_client import Darkroom
from task_schema import upload_reference
from tests.e2e.user import COMFY, SIDE, STATIC, STATIC_MODEL, User, new_id, request, text_to_image, workflow

MIB = 1024 * 1024


def picture(pixels: int = SIDE) -> bytes:
    """Return a picture of noise, which no compression makes smaller."""
    noise = random.Random(pixels).randbytes(pixels * pixels * 3)
    written = io.BytesIO()
    Image.frombytes("RGB", (pixels, pixels), noise).save(written, "PNG")
    return written.getvalue()


def upload(user: User, data: bytes, content_type: str = "image/png") -> str:
    """Send a file as a client without our library does; return what names it."""
    answer = granted(user, {"size": len(data), "content_type": content_type})
    sent = httpx.request(
        answer["method"], answer["url"], content=data, headers=answer["headers"], trust_env=False
    )
    assert sent.status_code == 200, sent.text
    reference: str = answer["reference"]
    return reference


def granted(user: User, body: dict[str, Any]) -> dict[str, Any]:
    answer = user.post(body, version="v1alpha2/uploads")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ends(user: User, body: dict[str, Any], *, version: str = "v1alpha2") -> dict[str, Any]:
    """Submit a request and return the notification of its end."""
    accepted = user.submit(body, version=version)
    told: dict[str, Any] = user.hears(accepted["id_task"]).json
    return told


def test_a_picture_above_what_a_request_may_carry_is_uploaded_and_used(user: User) -> None:
    data = picture(2000)
    assert len(data) > 11 * MIB
    content = text_to_image(1, init_images=[upload(user, data)], denoising_strength=0.5)
    told = ends(user, request(new_id("upload"), content, tasktype="image-to-image"))
    assert told["result"], told


def test_one_upload_serves_several_tasks_of_any_kind(user: User) -> None:
    with Darkroom(user.state.endpoint, user.state.api_key) as client:
        reference = client.upload(picture())
    image = {"image": reference, "upscaler_1": "Lanczos", "upscaling_resize": 2}
    graph = workflow(3)
    graph["20"] = {"class_type": "LoadImage", "inputs": {"image": reference}}
    graph["21"] = {"class_type": "SaveImage", "inputs": {"images": ["20", 0], "filename_prefix": "loaded"}}
    scripts = {
        "task": "image-to-image",
        "sd_model_checkpoint": STATIC_MODEL,
        "id_task": new_id("upload-v1"),
        "save_dir": "e2e",
        "image_link": reference,
    }
    sent: list[tuple[dict[str, Any], str]] = [
        (request(new_id("upload-one"), image, tasktype="extra-single-image"), "v1alpha2"),
        (request(new_id("upload-comfy"), graph, runtime=COMFY, tasktype="pipeline"), "v1alpha2"),
        ({**text_to_image(2), "alwayson_scripts": scripts}, "v1alpha1"),
    ]
    for body, version in sent:
        told = ends(user, body, version=version)
        assert told["result"], told


def test_an_upload_that_was_never_done_fails_the_task_and_says_so(user: User) -> None:
    reference = granted(user, {"size": 10})["reference"]
    for missing in (reference, upload_reference(str(uuid4()))):
        content = text_to_image(1, init_images=[missing])
        told = ends(user, request(new_id("upload-missing"), content, tasktype="image-to-image"))
        assert told["error"]["code"] == "input_unreachable"
        assert missing in told["error"]["message"]
        assert "was not uploaded, or has expired" in told["error"]["message"]


def test_what_is_no_picture_is_refused_as_any_other_input_is(user: User) -> None:
    content = {"image": upload(user, b"\x89PNG\r\n\x1a\n broken"), "upscaler_1": "Lanczos"}
    told = ends(user, request(new_id("upload-broken"), content, tasktype="extra-single-image"))
    assert told["error"]["code"] == "input_refused"


def test_a_malformed_name_of_an_upload_wakes_no_gpu(user: User) -> None:
    content = text_to_image(1, init_images=["upload://cat.png"])
    answer = user.post(request(new_id("upload-bad"), content, tasktype="image-to-image"))
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "task.content.init_images[0]"


def test_in_a_prompt_the_name_of_an_upload_is_a_word(user: User) -> None:
    told = ends(user, request(new_id("upload-word"), {**text_to_image(1), "prompt": "upload://cat.png"}))
    [url] = told["image_url"]
    assert "upload://cat.png" in user.picture(url).text["parameters"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [({"size": 33 * MIB}, 413, "too_large"), ({"size": 0}, 400, "bad_value"), ({}, 400, "missing_field")],
)
def test_what_could_only_fail_its_task_is_refused_before_it_is_sent(
    user: User, body: dict[str, Any], status: int, code: str
) -> None:
    answer = user.post(body, version="v1alpha2/uploads")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["field"] == "size"


def test_uploads_need_the_key_too(user: User) -> None:
    body, headers = '{"size": 1}', {"content-type": "application/json"}
    answer = user.send("POST", "v1alpha2/uploads", body=body, headers=headers, key=None)
    assert answer.status_code == 401
    assert user.send("GET", "v1alpha2/uploads").status_code == 405


def test_the_url_signs_size_and_type_and_only_one_place(user: User) -> None:
    grant = granted(user, {"size": 10, "content_type": "image/png"})
    url = httpx.URL(grant["url"])
    assert url.params["X-Amz-SignedHeaders"] == "content-length;content-type;host"
    assert int(url.params["X-Amz-Expires"]) <= 900
    assert url.path.endswith(f"/uploads/{grant['id']}")
    assert grant["headers"] == {"content-length": "10", "content-type": "image/png"}


def test_a_task_reaches_its_queue_whatever_the_queue_makes_of_its_tenant(user: User) -> None:
    """The emulator takes the group that fair queues go by: the message still comes once, and is run."""
    task_id = new_id("fair")
    assert ends(user, request(task_id, text_to_image(4), runtime=STATIC))["result"]
    assert len(user.published.all(lambda heard: f'"{task_id}"' in heard.body)) == 1
