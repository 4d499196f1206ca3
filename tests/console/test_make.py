"""Making: each kind of task from its form, and what the page says where the API refuses."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from tests.console.page import Page
from tests.console.pictures import SIDE as GIVEN
from tests.console.pictures import picture
from tests.e2e.user import COMFY, SIDE, STATIC, User, made_from, new_id, request, workflow


def content_of(page: Page, task_id: str) -> dict[str, Any]:
    status, detail = page.api("GET", f"/api/tasks/{task_id}")
    assert status == 200, detail
    content: dict[str, Any] = detail["request"]["task"]["content"]
    return content


def test_a_newcomer_presses_one_button_and_sees_a_picture(page: Page, user: User) -> None:
    task_id = page.make()
    page.made_says(task_id, "Succeeded")
    page.shows_picture(page.made_tile(task_id))
    assert user.hears(task_id).json["result"]


def test_text_becomes_several_pictures_of_the_size_seed_and_steps_that_were_asked(
    page: Page, user: User
) -> None:
    page.open_kind("Text to image")
    page.browser.fill("textbox", "Prompt", "a fox in a forest, autumn")
    page.browser.fill("textbox", "Negative prompt", "rain")
    for field, value in (("Width", SIDE), ("Height", SIDE), ("Steps", 6), ("Seed", 41), ("Pictures", 2)):
        page.browser.fill("textbox", field, str(value))
    page.make()
    page.browser.until(lambda: len(page.made()) == 2, what="two tasks")
    seeds = []
    for task_id in page.made():
        told = user.hears(task_id).json
        prompt, seed, _ = made_from(user.picture(told["image_url"][0]))
        assert prompt.startswith("a fox in a forest, autumn")
        seeds.append(seed)
        page.made_says(task_id, "Succeeded")
        shown = page.shows_picture(page.made_tile(task_id))
        assert (shown["width"], shown["height"]) == (SIDE, SIDE)
    assert sorted(seeds) == [41, 42]


@pytest.mark.parametrize("kind", ["Image to image", "Upscale"])
def test_a_dropped_picture_is_changed_or_enlarged(page: Page, user: User, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(picture())
    page.open_kind(kind)
    page.drop_picture(path)
    assert re.search(rf"\b{GIVEN} . {GIVEN}\b", page.browser.text("main"))
    if kind == "Upscale":
        page.browser.fill("textbox", "Scale", "2")
    else:
        page.browser.fill("textbox", "Prompt", "a lighthouse at night")
    task_id = page.make()
    page.made_says(task_id, "Succeeded")
    made = user.picture(user.hears(task_id).json["image_url"][0])
    side = 2 * GIVEN if kind == "Upscale" else GIVEN
    assert made.size == (side, side)
    page.shows_picture(page.made_tile(task_id))


def test_a_pasted_workflow_lists_its_nodes_and_becomes_a_picture(page: Page, user: User) -> None:
    page.open_kind("Workflow")
    page.write_workflow(json.dumps(workflow(12)))
    for node_id, node in workflow(12).items():
        shown = page.browser.shown(page.node(node_id))
        assert node["class_type"] in shown
        assert node.get("_meta", {}).get("title", "") in shown
    page.browser.says("No faults found", role="status")
    task_id = page.make()
    page.made_says(task_id, "Succeeded")
    told = user.hears(task_id).json
    assert told["runtime"] == COMFY
    assert made_from(user.picture(told["image_url"][0]))[:2] == ("a lighthouse, number 12", 12)


def test_a_broken_workflow_shows_the_api_s_very_words_beside_the_node(page: Page, user: User) -> None:
    graph = workflow(1)
    graph["6"]["inputs"]["clip"] = ["nowhere", 0]
    del graph["7"]["class_type"]
    refused = user.post(request(new_id("refused"), graph, runtime=COMFY, tasktype="pipeline"))
    assert refused.status_code == 400
    said = {fault["field"]: fault["message"] for fault in refused.json()["errors"]}
    page.open_kind("Workflow")
    page.write_workflow(json.dumps(graph))
    assert len(said) >= 2, said
    for field, message in said.items():
        node_id = re.findall(r"content\.(\w+)", field)[0]
        page.node_says(node_id, message)
    page.browser.click("button", re.compile("^Make "))
    for message in said.values():
        page.browser.says(message, role="alert")
    assert page.made() == []


def test_a_refused_request_shows_the_api_s_very_words_beside_the_field(page: Page, user: User) -> None:
    page.open_kind("Text to image")
    page.browser.fill("textbox", "Prompt", "a lighthouse")
    page.browser.fill("textbox", "Width", "-64")
    page.browser.click("button", re.compile("^Make "))
    body = request(new_id("refused"), {"prompt": "a lighthouse", "width": -64}, runtime=STATIC)
    refused = user.post(body)
    assert refused.status_code == 400
    [fault] = refused.json()["errors"]
    page.browser.says(fault["message"], role="alert")
    field = page.browser.find("textbox", "Width")
    assert field.get_attribute("aria-invalid") == "true"
    about = page.browser.run(
        "return document.getElementById(arguments[0]).innerText", field.get_attribute("aria-describedby")
    )
    assert fault["message"] in about
    page.browser.fill("textbox", "Width", str(SIDE))
    page.made_says(page.make(), "Succeeded")


def test_the_form_is_told_as_curl_and_as_python_without_the_key(page: Page, user: User) -> None:
    page.open_kind("Text to image")
    page.browser.fill("textbox", "Prompt", 'it\'s a "quoted" $HOME')
    page.browser.click("button", "As code")
    for tab, words in (("curl", "curl"), ("Python", "darkroom_client")):
        page.browser.click("tab", tab)
        said = page.browser.says(words, role="dialog")
        assert "v1alpha2" in said or tab == "Python"
        assert user.state.api_key not in said
    page.browser.press(Keys.ESCAPE)
    page.browser.gone("dialog")


def test_text_that_has_a_picture_of_itself_beside_it_is_pasted_as_text(page: Page) -> None:
    page.open_kind("Image to image")
    field = page.browser.find("textbox", "Prompt")
    paste = (
        "const data = new DataTransfer();"
        "if (arguments[1]) data.setData('text/plain', 'from a table');"
        "data.items.add(new File(['no picture'], 'table.png', {type: 'image/png'}));"
        "return arguments[0].dispatchEvent("
        "new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));"
    )
    assert page.browser.run(paste, field, True), "the text was kept from its field"
    assert not page.browser.run(paste, field, False), "a picture alone was not taken"


def test_keys_that_are_held_submit_once(page: Page) -> None:
    page.open_kind("Text to image")
    hold = (
        "const [repeat] = arguments;"
        "return dispatchEvent("
        "new KeyboardEvent('keydown', {key: 'Enter', ctrlKey: true, repeat, cancelable: true}));"
    )
    assert not page.browser.run(hold, True), "a held key does what else the browser does with it"
    assert page.browser.find("button", "Make picture").get_attribute("aria-disabled") == "false"
    assert not page.browser.run(hold, False)
    page.browser.until(page.made, what="a task")
    assert len(page.made()) == 1


def test_the_workflow_stays_under_the_cursor_once_it_is_sound(page: Page) -> None:
    page.open_kind("Workflow")
    page.write_workflow("{")
    page.browser.says("The workflow must be JSON", role="status")
    page.browser.click("button", "Hide JSON")
    field = page.browser.paste("textbox", "Workflow as JSON", json.dumps(workflow(3)))
    page.browser.says("No faults found", role="status")
    assert page.browser.run("return document.activeElement === arguments[0]", field)


def test_what_the_system_knows_no_more_is_not_shown_as_queued(page: Page) -> None:
    kept = "sessionStorage.setItem('darkroom.make', JSON.stringify({made: ['task-of-another-time']}))"
    page.browser.open(f"{page.origin}/assets/icon.svg")
    page.browser.run(kept)
    page.enter()
    page.browser.find("button", "Make picture")
    assert page.made() == []
