"""Scripts in what users and runtimes write: everywhere they are text, and nothing of them runs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.console.page import Page
from tests.console.pictures import picture
from tests.e2e.user import COMFY, DYNAMIC, User, new_id, request, text_to_image, workflow

IMAGE = "<img src=x onerror=window.__bad.push('image')>"
SCRIPT = "<script>window.__bad.push('script')</script>"
MARK = "onerror=window.__bad"
LINK = "javascript:window.__bad.push('link')"
EVIL = f'{IMAGE}{SCRIPT}"\'><svg onload=window.__bad.push("svg")>{LINK}'
HTML = f"<!doctype html><html><body>{EVIL}<script>window.__bad.push('output')</script></body></html>"
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="window.__bad.push(\'svg output\')">'
    "<script>window.__bad.push('script in svg')</script></svg>"
)


def evil_workflow() -> dict[str, Any]:
    graph = workflow(4)
    graph["6"]["inputs"]["text"] = EVIL
    graph["6"]["_meta"] = {"title": EVIL}
    return graph


def evil_task(name: str) -> dict[str, Any]:
    task_id = new_id("evil")
    match name:
        case "prompt":
            body = request(task_id, text_to_image(1, prompt=EVIL, negative_prompt=LINK))
            body["task"]["metadata"]["context"] = {EVIL: LINK, "url": LINK, "list": [EVIL]}
        case "workflow":
            body = request(task_id, evil_workflow(), runtime=COMFY, tasktype="pipeline")
        case "error":
            content = text_to_image(2, init_images=[f"http://127.0.0.1:9/{EVIL}".replace(" ", "+")])
            body = request(task_id, content, tasktype="image-to-image")
        case _:
            content = text_to_image(3, override_settings={"sd_model_checkpoint": f"{IMAGE}.safetensors"})
            body = request(task_id, content, runtime=DYNAMIC)
    return body


@pytest.fixture
def unharmed(page: Page) -> Iterator[Page]:
    """Give the page, and see at the end that nothing ran and that the policy was not even needed."""
    yield page
    assert page.browser.bad == []
    assert page.browser.violations == []
    assert (
        page.browser.run(
            "return document.querySelectorAll('main script, main iframe, main svg[onload]').length"
        )
        == 0
    )


@pytest.mark.parametrize("name", ["prompt", "workflow", "error", "model"])
def test_a_task_full_of_scripts_is_shown_as_it_was_written(unharmed: Page, user: User, name: str) -> None:
    page = unharmed
    body = evil_task(name)
    task_id = body["task"]["metadata"]["id"]
    status, answer = page.api("POST", "/api/tasks", body)
    assert status == 200, answer
    user.hears(task_id)
    page.go(f"#/gallery?q={task_id}")
    page.tile(task_id)
    page.look_into(task_id)
    page.browser.until(lambda: MARK in page.everything(), what=IMAGE)
    page.browser.click("button", "Change and submit")
    page.browser.until(lambda: page.hash in {"#/", ""}, what="the form")
    page.browser.until(lambda: MARK in page.everything(), what=IMAGE)
    page.browser.click("button", "As code")
    for tab in ("curl", "Python", "Command"):
        page.browser.click("tab", tab)


def test_a_refusal_that_quotes_scripts_is_text(unharmed: Page) -> None:
    page = unharmed
    body = request(new_id("refused"), text_to_image(1), runtime=EVIL)
    status, answer = page.api("POST", "/api/tasks", body)
    assert status == 400
    assert answer["error"]["message"]
    page.go("#/")
    page.open_kind("Workflow")
    page.write_workflow(
        json.dumps({EVIL: {"class_type": EVIL, "inputs": {EVIL: [EVIL, 0]}, "_meta": {"title": EVIL}}})
    )
    page.browser.says(IMAGE)


def test_a_dropped_file_whose_name_is_a_script_is_only_a_file(unharmed: Page, tmp_path: Path) -> None:
    page = unharmed
    path = tmp_path / f"{IMAGE}.png"
    path.write_bytes(picture())
    page.go("#/")
    page.open_kind("Image to image")
    page.drop_picture(path)
    page.shows_picture()
    assert path.name in page.everything()
    assert page.browser.run("return document.querySelectorAll('[onerror], img[src=x]').length") == 0


@pytest.mark.parametrize(("content", "content_type"), [(HTML, "text/html"), (SVG, "image/svg+xml")])
def test_an_output_that_is_a_page_never_runs_in_ours(
    page: Page, user: User, content: str, content_type: str
) -> None:
    page.go("#/glance")  # shows no picture: else a thumbnail of the first one would be kept
    task_id = new_id("output")
    user.submit(request(task_id, text_to_image(5)))
    told = user.hears(task_id).json
    [url] = told["image_url"]
    bucket, _, key = url.removeprefix("s3://").partition("/")
    s3 = user.clients.client("s3")
    s3.put_object(Bucket=bucket, Key=key, Body=content.encode(), ContentType=content_type)
    base = f"/api/tasks/{task_id}/images/0"
    saved = f"{base}?download=1"
    for path in (base, saved, f"{base}/thumb?s={told['submission']}"):
        status, kind, disposition, text = page.browser.run_async(
            "const answer = await fetch(args[0]);"
            "const said = (name) => answer.headers.get(name);"
            "return [answer.status, said('content-type'), said('content-disposition'), await answer.text()];",
            path,
        )
        if path == saved:
            assert (status, kind, text) == (200, "application/octet-stream", content)
            assert disposition.startswith("attachment;")
        else:
            assert (status, kind, disposition) == (415, "application/json", None), path
            assert json.loads(text)["error"]["code"] == "not_a_picture"
        page.browser.open(page.origin + path)
        assert page.browser.bad == [], path
        page.enter()
    page.look_into(task_id)
    page.browser.says(task_id)
