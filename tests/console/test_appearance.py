"""Light and dark, wide and narrow, by keyboard, and what a checker of accessibility says of it."""

import re

import pytest
from selenium.webdriver.common.keys import Keys

from tests.console.axe import violations
from tests.console.page import Page
from tests.e2e.user import STATIC, User, new_id, request, text_to_image

WIDE, NARROW = 1280, 360


@pytest.fixture(scope="module")
def tasks(session_user: User) -> dict[str, str]:
    """Give the ids of two tasks that were good and of one that failed."""
    ids = {name: new_id(name) for name in ("good", "better", "bad")}
    session_user.submit(request(ids["good"], text_to_image(1)))
    session_user.submit(request(ids["better"], text_to_image(2)))
    assert session_user.hears(ids["good"]).json["result"]
    assert session_user.hears(ids["better"]).json["result"]
    session_user.plan(STATIC, {"kind": "no_images"})
    session_user.submit(request(ids["bad"], text_to_image(3)))
    assert not session_user.hears(ids["bad"]).json["result"]
    return ids


VIEWS = ("make", "gallery", "empty", "look", "failed", "unknown", "compare", "system")


def views(page: Page, tasks: dict[str, str]) -> dict[str, str]:
    good, better = tasks["good"], tasks["better"]
    return {
        "make": "#/",
        "gallery": "#/gallery",
        "empty": "#/gallery?q=nobody-has-this",
        "look": f"#/tasks/{good}",
        "failed": f"#/tasks/{tasks['bad']}",
        "unknown": "#/tasks/nobody-has-this",
        "compare": f"#/compare/{good}/0/{better}/0",
        "system": "#/glance",
    }


# What each says once there is something to look at; the gallery names the newest task.
SETTLED = {
    "make": "Make picture",
    "look": "Complete",
    "failed": "What to do:",
    "compare": "differ",
    "system": "The last ten minutes",
    "empty": "No task fits",
    "unknown": "There is no such task",
}


@pytest.mark.parametrize("name", VIEWS)
def test_axe_finds_nothing_serious_and_nothing_scrolls_sideways(
    page: Page, tasks: dict[str, str], name: str
) -> None:
    page.go(views(page, tasks)[name])
    page.browser.says(SETTLED.get(name) or tasks["bad"])
    found: list[str] = []
    for width in (WIDE, NARROW):
        for dark in (False, True):
            page.browser.look(dark=dark, width=width)
            page.painted()
            content, window = page.wide()
            assert content <= window, f"{name} is {content} px wide in a window of {window}"
            found += [f"{width} px, dark: {dark}: {one}" for one in violations(page.browser)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("kind", ["Image to image", "Upscale", "Workflow"])
def test_axe_finds_nothing_serious_in_the_other_forms(page: Page, kind: str) -> None:
    page.open_kind(kind)
    page.browser.look(width=NARROW, dark=True)
    if kind == "Workflow":
        page.write_workflow("{}")
        page.browser.click("button", re.compile("^Make "))
        page.browser.find("alert")
    page.painted()
    content, window = page.wide()
    assert content <= window
    assert violations(page.browser) == []


def test_colours_follow_the_system_until_the_user_chooses(page: Page) -> None:
    def background() -> str:
        page.painted()
        return str(page.browser.run("return getComputedStyle(document.body).backgroundColor"))

    light = background()
    page.browser.look(dark=True)
    dark = background()
    assert dark != light
    page.browser.click("button", "Switch to light colours")
    page.browser.until(lambda: background() == light, what="light colours")
    page.browser.run("window.__before = true; location.reload()")
    page.browser.until(lambda: page.browser.run("return !window.__before"), what="the page once more")
    page.live()
    assert background() == light, "the choice is kept"


def test_a_picture_is_made_and_looked_into_by_keyboard_alone(page: Page, user: User) -> None:
    page.tab_to("textbox", "Prompt")
    page.browser.press(", by keyboard")
    page.browser.press(Keys.CONTROL + Keys.ENTER)
    [task_id] = page.browser.until(page.made, what="a task")
    assert user.hears(task_id).json["result"]
    page.made_says(task_id, "Succeeded")
    page.tab_to("link", task_id)
    page.browser.press(Keys.ENTER)
    page.browser.find("heading", task_id)
    page.browser.says("by keyboard", role="region", name="Parameters")
    page.browser.press(Keys.TAB)
    focus = page.browser.run("return document.activeElement.closest('main') !== null")
    assert focus, "after a navigation the keyboard goes on in the content"


def test_the_gallery_is_gone_through_with_the_arrow_keys(page: Page, tasks: dict[str, str]) -> None:
    page.go("#/gallery")
    page.browser.find("gridcell")
    page.tab_to("gridcell", None)
    first = page.focused_task()
    page.browser.press(Keys.ARROW_RIGHT)
    second = page.focused_task()
    assert first != second
    page.browser.press(Keys.ARROW_LEFT)
    assert page.focused_task() == first
    page.browser.press(Keys.ENTER)
    page.browser.find("heading", first)
