"""The guide's six requests, and a body that is too large for a message."""

import base64
import io
import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from local.served import serve
from task_schema import Status
from tests.e2e.user import ATTRIBUTES, COMFY, STATIC, Json, User, new_id, request


class Example(NamedTuple):
    """One request of the guide, with the outputs' prefix and the picture's side in pixels."""

    name: str
    runtime: str
    tasktype: str
    prefix: str
    side: int


EXAMPLES = (
    Example("v1alpha1-text-to-image", STATIC, "text-to-image", "outputs", 512),
    Example("v1alpha1-image-to-image", STATIC, "image-to-image", "output", 512),
    Example("v1alpha2-text-to-image", STATIC, "text-to-image", "output", 512),
    Example("v1alpha2-image-to-image", STATIC, "image-to-image", "output", 512),
    Example("v1alpha2-extra-single-image", STATIC, "extra-single-image", "output", 256),
    Example("v1alpha2-pipeline", COMFY, "pipeline", "output", 512),
)
GUIDES_PICTURE = "https://huggingface.co/"
TRACEPARENT = r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]"


@pytest.fixture(scope="module")
def link() -> Iterator[str]:
    """Serve a picture of 64 x 64 pixels in place of the one that the guide's examples link to."""
    packed = io.BytesIO()
    Image.new("RGB", (64, 64), "darkorange").save(packed, "PNG")
    with serve({"cat.png": (packed.getvalue(), "image/png")}) as urls:
        yield urls["cat.png"]


def example(name: str, runtime: str, link: str) -> tuple[str, Json]:
    """Return id and body of an example, with an id of its own and a link that leads somewhere."""
    body: Json = json.loads(resources.files("task_schema.examples").joinpath(f"{name}.json").read_text())
    task_id = new_id(name)
    if name.startswith("v1alpha1"):
        body["alwayson_scripts"]["id_task"] = task_id
    else:
        body["task"]["metadata"] |= {"id": task_id, "runtime": runtime}
    return task_id, linked(body, link)


def linked(value: Any, link: str) -> Any:
    if isinstance(value, dict):
        return {key: linked(member, link) for key, member in value.items()}
    if isinstance(value, list):
        return [linked(member, link) for member in value]
    return link if isinstance(value, str) and value.startswith(GUIDES_PICTURE) else value


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from texts(member)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("sent", EXAMPLES, ids=lambda sent: sent.name)
def test_a_request_of_the_guide_comes_back_as_a_picture_with_a_notification(
    user: User, link: str, sent: Example
) -> None:
    task_id, body = example(sent.name, sent.runtime, link)
    version = sent.name.partition("-")[0]
    accepted = user.submit(body, version=version)
    folder = f"s3://{user.state.output_bucket}/{sent.prefix}/{task_id}"
    assert accepted["id_task"] == task_id
    assert accepted["output_location"] == folder

    heard = user.hears(task_id)
    told = heard.json
    row = user.settled_row(task_id)
    [url] = told["image_url"]
    found = re.fullmatch(re.escape(f"{folder}/{task_id}-") + r"([a-z0-9]{4})-1\.png", url)
    assert found, url
    assert user.picture(url).size == (sent.side, sent.side)
    assert told == {
        "id": task_id,
        "result": True,
        "image_url": [url],
        "output_url": f"{folder}/{task_id}-{found[1]}.out",
        "context": {} if version == "v1alpha1" else "",
        "runtime": sent.runtime,
        "status": "succeeded",
        "submission": row.submission,
    }
    assert set(heard.attributes) == ATTRIBUTES
    expected = {
        "id": task_id,
        "submission": row.submission,
        "event_id": row.event_id,
        "runtime": sent.runtime,
    }
    expected |= {"tasktype": sent.tasktype, "result": "true", "callback": "false"}
    assert {key: value for key, value in heard.attributes.items() if key != "traceparent"} == expected
    assert re.fullmatch(TRACEPARENT, heard.attributes["traceparent"])
    assert (row.status, row.attempts, row.error, row.api_version) == (Status.SUCCEEDED, 1, None, version)
    assert row.notification is not None
    assert json.loads(row.notification) == told

    answer = json.loads(user.fetch(told["output_url"]))
    assert url in texts(answer)
    assert all(len(text) < 10_000 for text in texts(answer)), "no picture is left in the answer"


def test_a_body_of_four_megabytes_travels_beside_the_message_and_comes_out_as_a_picture(user: User) -> None:
    noise = np.random.default_rng(4).integers(0, 128, (1024, 1024, 3), dtype=np.uint8)
    noise[:, 512:] += 128  # the right half is brighter: what comes out must have been made from this
    packed = io.BytesIO()
    Image.fromarray(noise).save(packed, "PNG")
    task_id = new_id("four-megabytes")
    content = {
        "prompt": "fog",
        "denoising_strength": 0.1,
        "steps": 4,
        "width": 256,
        "height": 256,
        "init_images": [base64.b64encode(packed.getvalue()).decode()],
    }
    body = request(task_id, content, tasktype="image-to-image")
    assert 3_500_000 < len(json.dumps(body)) < 4_500_000
    user.submit(body)

    told = user.hears(task_id).json
    assert told["result"], told
    [url] = told["image_url"]
    pixels = np.asarray(user.picture(url).convert("L"))
    assert pixels.shape == (256, 256)
    assert pixels[:, 128:].mean() > pixels[:, :128].mean() + 50
    [message] = user.published.all(lambda heard: task_id in heard.body)
    assert len(message.body) < 2000
    assert message.json["content"] is None
    assert message.json["content_ref"] == (
        f"s3://{user.state.payload_bucket}/tasks/{told['submission']}/content.json"
    )
