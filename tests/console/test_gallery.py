"""Watching: the gallery fills by itself, follows each task, and offers what can be done with it."""

import re
from dataclasses import dataclass, field
from urllib.parse import quote

from PIL import Image
from selenium.webdriver.common.keys import Keys

from tests.console.page import Page
from tests.e2e.user import DYNAMIC, HOLD, SIDE, STATIC, User, new_id, request, text_to_image

SLOW = {"kind": "slow", "seconds": 12.0}  # long enough to be seen on a busy machine
LONG = {"kind": "slow", "seconds": HOLD}  # until it is cancelled
MARK = "window.__same = true"


def ordered(user: User, count: int) -> list[str]:
    """Submit tasks; an agent takes two at a time, one of which waits for the GPU."""
    ids = [new_id(f"task{number}") for number in range(count)]
    for number, task_id in enumerate(ids):
        user.submit(request(task_id, text_to_image(number)))
    return ids


def test_tiles_come_and_follow_their_tasks_without_a_reload(page: Page, user: User) -> None:
    page.go("#/gallery")
    page.browser.run(MARK)
    user.plan(STATIC, SLOW)
    first, *_, last = ids = ordered(user, 3)
    page.tile_says(last, "Queued")
    page.tile_says(first, "Running")
    page.browser.find("progressbar", f"Progress of {first}")
    for task_id in ids:
        page.tile_says(task_id, "Succeeded")
    made = page.shows_picture(page.tile(last))
    assert (made["width"], made["height"]) == (SIDE, SIDE)
    assert page.shown_tasks()[:3] == ids[::-1], "the newest is the first"
    assert page.browser.run("return window.__same") is True


@dataclass
class Readings:
    """What a tile's words and its bar say of how far the task is, read at one moment each."""

    page: Page
    task_id: str
    pairs: list[tuple[int, int]] = field(default_factory=list)

    def until_the_end(self) -> bool:
        """Read once; return whether the task is done."""
        words, value = self.page.browser.run(
            "const bar = arguments[0].querySelector('[role=progressbar]');"
            "return [arguments[0].innerText, bar?.getAttribute('aria-valuenow') ?? null]",
            self.page.tile(self.task_id),
        )
        if (found := re.search(r"Running (\d+) %", words)) and value is not None:
            self.pairs.append((int(found[1]), int(value)))
        return "Succeeded" in words


def test_a_running_task_tells_how_far_it_is(page: Page, user: User) -> None:
    user.plan(STATIC, SLOW)
    task_id = new_id("progress")
    page.go("#/gallery")
    user.submit(request(task_id, text_to_image(1, steps=20)))
    readings = Readings(page, task_id)
    page.browser.until(readings.until_the_end, what="the end")
    percents = [percent for percent, _ in readings.pairs]
    assert any(0 < percent < 100 for percent in percents)
    assert percents == sorted(percents), "it does not shrink"
    assert percents == [value for _, value in readings.pairs], "words and bar agree"


def test_a_menu_that_was_left_open_is_not_open_on_the_way_back(page: Page, user: User) -> None:
    task_id = new_id("left-open")
    user.submit(request(task_id, text_to_image(1)))
    page.go("#/glance")
    page.go("#/gallery")
    page.tile_says(task_id, "Succeeded")
    page.browser.click("button", "Actions", within=page.tile(task_id))
    page.browser.find("menu")
    page.browser.driver.back()
    page.browser.find("heading", "System")
    page.browser.driver.forward()
    page.tile(task_id)
    assert page.browser.all("menu") == []


def test_a_menu_keeps_the_focus_when_its_entry_goes_away(page: Page, user: User) -> None:
    user.plan(STATIC, SLOW)
    task_id = new_id("entry")
    page.go("#/gallery")
    user.submit(request(task_id, text_to_image(1)))
    page.tile_says(task_id, "Running")
    page.browser.click("button", "Actions", within=page.tile(task_id))
    page.browser.find("menuitem", re.compile("^Cancel"))
    page.browser.press(Keys.ARROW_DOWN)
    assert page.browser.driver.switch_to.active_element.text.startswith("Cancel")
    page.tile_says(task_id, "Succeeded")
    page.browser.gone("menuitem", re.compile("^Cancel"))
    assert page.browser.driver.switch_to.active_element.text.startswith("Look into")
    page.browser.press(Keys.ESCAPE)
    page.browser.gone("menu")
    assert page.focused_task() == task_id


def test_the_focus_goes_to_the_next_tile_when_its_own_is_filtered_away(page: Page, user: User) -> None:
    with user.holding(STATIC):
        oldest, middle, newest = ordered(user, 3)
        page.go("#/gallery?status=queued")
        for task_id in (oldest, middle, newest):
            page.tile_says(task_id, "Queued")
        page.browser.run("arguments[0].focus()", page.tile(middle))
        assert page.focused_task() == middle
        assert user.send("DELETE", f"v1alpha2/tasks/{middle}").status_code == 202
        page.browser.until(lambda: page.shown_tasks() == [newest, oldest], what="the two others")
        page.browser.until(lambda: page.focused_task() == oldest, what="the focus on the next")
        page.browser.press(Keys.ARROW_LEFT)
        page.browser.until(lambda: page.focused_task() == newest, what="the focus one to the left")
    for task_id in (oldest, newest):
        assert user.hears(task_id).json["result"]


def test_filters_by_state_runtime_and_id_are_in_the_address(page: Page, user: User) -> None:
    good, bad, elsewhere = new_id("good"), new_id("bad"), new_id("elsewhere")
    user.plan(STATIC, {"kind": "no_images", "after": 1})
    user.submit(request(good, text_to_image(1)))
    assert user.hears(good).json["result"]
    user.submit(request(bad, text_to_image(2)))
    user.submit(request(elsewhere, text_to_image(3), runtime=DYNAMIC))
    assert not user.hears(bad).json["result"]
    assert user.hears(elsewhere).json["result"]
    page.go("#/gallery")
    page.tile_says(bad, "no_output")
    page.tile_says(elsewhere, "Succeeded")

    page.browser.click("button", re.compile("^Failed"))
    page.without(good)
    assert "status=failed" in page.hash
    assert bad in page.shown_tasks()
    page.browser.click("button", re.compile("^All"))
    page.browser.choose("combobox", "Runtime", DYNAMIC)
    page.without(good)
    assert f"runtime={DYNAMIC}" in page.hash
    assert elsewhere in page.shown_tasks()
    page.browser.choose("combobox", "Runtime", "All runtimes")
    page.browser.fill("searchbox", "Part of an id", good[-6:])
    page.without(bad)
    page.browser.until(lambda: page.shown_tasks() == [good], what="one task")
    assert f"q={quote(good[-6:])}" in page.hash

    page.browser.open(f"{page.origin}/#/gallery?status=failed&runtime={STATIC}&q={bad}")
    page.tile_says(bad, "Failed")
    assert page.shown_tasks() == [bad]
    page.browser.fill("searchbox", "Part of an id", "nobody-has-this")
    page.browser.says("No task fits")
    page.browser.click("link", "Show all tasks")
    page.tile(good)


def test_a_task_is_cancelled_from_its_tile(page: Page, user: User) -> None:
    user.plan(STATIC, LONG)
    running, claimed, waiting = ordered(user, 3)
    page.go("#/gallery")
    page.tile_says(running, "Running")
    page.tile_says(waiting, "Queued")
    for task_id in (waiting, running):
        page.menu(task_id, "Cancel")
        page.browser.click("button", "Cancel the task")
    page.tile_says(waiting, "Cancelled")
    page.tile_says(running, "Cancelled")
    page.tile_says(claimed, "Succeeded")
    for task_id in (waiting, running):
        told = user.hears(task_id).json
        assert (told["result"], told["error"]["code"]) == (False, "cancelled")


def test_a_task_is_submitted_again_with_all_that_it_was(page: Page, user: User) -> None:
    task_id = new_id("again")
    status, answer = page.api("POST", "/api/tasks", request(task_id, text_to_image(77)))
    assert status == 200, answer
    assert user.hears(task_id).json["result"]
    page.go("#/gallery")
    page.tile_says(task_id, "Succeeded")
    page.menu(task_id, "Submit again")
    said = page.browser.says("Submitted again as ", role="status")
    [found] = re.findall(r"Submitted again as ([\w-]+)", said)
    assert found != task_id
    page.tile_says(found, "Succeeded")
    again = page.api("GET", f"/api/tasks/{found}")[1]["request"]["task"]
    assert again["content"] == text_to_image(77)
    assert again["metadata"]["context"] == {"of": task_id}


def test_two_pictures_are_compared(page: Page, user: User) -> None:
    ids = [new_id("left"), new_id("right")]
    for number, task_id in enumerate(ids):
        user.submit(request(task_id, text_to_image(number)))
        assert user.hears(task_id).json["result"]
    page.go("#/gallery")
    for task_id in ids:
        page.tile_says(task_id, "Succeeded")
        page.menu(task_id, "Compare")
    page.browser.click("link", "Compare")
    page.browser.until(lambda: page.hash.startswith("#/compare/"), what="the comparison")
    page.browser.until(
        lambda: page.browser.run(
            "const images = [...document.querySelectorAll('main img')];"
            "return images.filter((one) => one.naturalWidth).length >= 2"
        ),
        what="two pictures",
    )
    shown = page.everything()
    assert all(task_id in shown for task_id in ids)


def test_the_s3_location_is_copied_and_the_picture_saved(page: Page, user: User) -> None:
    task_id = new_id("kept")
    user.submit(request(task_id, text_to_image(9)))
    [url] = user.hears(task_id).json["image_url"]
    page.browser.allow_clipboard(page.origin)
    page.go("#/gallery")
    page.tile_says(task_id, "Succeeded")
    page.menu(task_id, "Copy S3 location")
    page.browser.until(
        lambda: (
            page.browser.run_async("return await navigator.clipboard.readText()") == url.rpartition("/")[0]
        ),
        what="the copied location",
    )
    page.menu(task_id, "Download")
    path = page.browser.downloaded(url.rpartition("/")[2])
    with Image.open(path) as saved:
        assert saved.size == (SIDE, SIDE)
