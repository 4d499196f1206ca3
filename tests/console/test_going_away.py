"""Parts that go away while somebody watches, and come back: the page says so, and goes on by itself."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from local.home import Home
from local.state import read_state
from tests.console.page import Page
from tests.e2e.user import DYNAMIC, STATIC, User, eventually, new_id, request, text_to_image

MARK = "window.__same = true"


def stays(page: Page) -> bool:
    """Whether it is still the document that was marked."""
    return bool(page.browser.run("return window.__same === true"))


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Let a process of the system's and its children do nothing for a while; it may be killed meanwhile."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in family:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)


def test_a_killed_console_is_started_again_and_the_page_goes_on(page: Page, user: User, home: Home) -> None:
    page.go("#/gallery")
    page.browser.run(MARK)
    before = read_state(home).processes["console"]
    os.kill(before, signal.SIGKILL)
    page.browser.says("The console does not answer", role="alert")
    task_id = new_id("meanwhile")
    user.submit(request(task_id, text_to_image(1)))
    page.live()
    page.tile_says(task_id, "Succeeded")
    page.shows_picture(page.tile(task_id))
    assert stays(page)
    assert read_state(home).processes["console"] != before
    assert page.api("GET", "/api/system")[0] == 200, "the cookie still fits"


def test_an_api_that_does_not_answer_is_told_and_what_was_there_stays(
    page: Page, user: User, home: Home
) -> None:
    task_id = new_id("before")
    user.submit(request(task_id, text_to_image(1)))
    assert user.hears(task_id).json["result"]
    page.go("#/gallery")
    page.tile_says(task_id, "Succeeded")
    page.browser.run(MARK)
    with stopped(read_state(home).processes["ministack"]):
        page.browser.says("API does not answer", role="alert")
        assert task_id in page.browser.text("main")
    page.live()
    after = new_id("after")
    user.submit(request(after, text_to_image(2)))
    page.tile_says(after, "Succeeded")
    assert stays(page)


def test_a_thumbnail_that_did_not_come_comes_once_the_system_answers(
    page: Page, user: User, home: Home
) -> None:
    task_id = new_id("unseen")
    user.submit(request(task_id, text_to_image(1)))
    assert user.hears(task_id).json["result"]
    page.browser.cdp("Network.enable")
    page.browser.cdp("Network.setBlockedURLs", urls=["*/images/*"])  # fails sooner than AWS that is silent
    page.go("#/gallery")
    page.tile_says(task_id, "No preview")
    with stopped(read_state(home).processes["ministack"]):
        page.browser.says("API does not answer", role="alert")
        page.browser.cdp("Network.setBlockedURLs", urls=[])
        page.tile_says(task_id, "No preview")
    page.live()
    page.shows_picture(page.tile(task_id))


def test_a_task_whose_agent_is_killed_is_seen_all_the_way(page: Page, user: User, home: Home) -> None:
    task_id = new_id("killed")
    user.plan(STATIC, {"kind": "slow", "seconds": 10.0})
    page.go(f"#/tasks/{task_id}")
    page.go("#/gallery")
    page.browser.run(MARK)
    user.submit(request(task_id, text_to_image(5)))
    page.tile_says(task_id, "Running")
    eventually(lambda: user.running(STATIC), what="a run")
    agent = f"agent-{STATIC}"
    before = read_state(home).processes[agent]
    os.kill(before, signal.SIGKILL)
    page.tile_says(task_id, "Succeeded")
    page.shows_picture(page.tile(task_id))
    page.look_into(task_id)
    page.browser.says("· 2 attempts", role="main")
    assert page.api("GET", f"/api/tasks/{task_id}")[1]["attempts"] == 2
    assert stays(page)
    assert read_state(home).processes[agent] != before


def test_a_killed_agent_is_seen_at_a_glance_until_it_is_back(page: Page, home: Home) -> None:
    page.go("#/glance")
    page.browser.says("ready", role="region", name=DYNAMIC)
    agent = f"agent-{DYNAMIC}"
    before = read_state(home).processes[agent]
    with stopped(before):  # a killed one may be back before anybody looks
        page.browser.says("does not answer", role="region", name=DYNAMIC)
        os.kill(before, signal.SIGKILL)
    page.browser.says("ready", role="region", name=DYNAMIC)
    assert read_state(home).processes[agent] != before


def test_pages_that_were_left_keep_nothing_from_those_that_are_seen(page: Page) -> None:
    """A browser has six connections for a server, and keeps pages for the way back."""
    for _ in range(8):
        page.browser.open("about:blank")
        page.browser.open(page.origin)
        page.live()
    assert page.api("GET", "/api/system")[0] == 200
    page.browser.driver.back()
    page.browser.driver.back()
    page.live()
