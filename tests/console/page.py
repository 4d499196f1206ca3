"""The console's page, as its tests speak of it: one place that knows what things are called."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.console.browser import Browser

MOST_STEPS = 60  # with the Tab key, to whatever it is
# Of those in sight: others are loaded when they come near.
PICTURES_ARE_THERE = """
const inSight = ({width, top, bottom}) => width > 0 && bottom > 0 && top < innerHeight;
const images = [...document.images].filter((one) => inSight(one.getBoundingClientRect()));
return images.every((one) => one.complete);
"""

type Json = dict[str, Any]


class Page:
    """The page at an address with a token."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser = browser
        self.address = address
        self.origin = address.partition("/?")[0]

    def enter(self) -> None:
        """Open the printed address, and wait until the page has heard of the system."""
        self.browser.open(self.address)
        self.live()

    def live(self) -> None:
        """Wait until the page is connected."""
        self.browser.until(
            lambda: self.browser.run(
                "const state = document.querySelector('.light')?.dataset.state;"
                "return state === 'live' && !document.querySelector('.banner');"
            ),
            what="a live page",
        )

    def go(self, hash_: str) -> None:
        """Go to a place of the page by its address, without loading it again."""
        self.browser.run("location.hash = arguments[0]", hash_)
        self.browser.until(lambda: self.browser.text("main").strip(), what=f"something at {hash_}")

    @property
    def hash(self) -> str:
        """The part of the address that says where the page is."""
        return str(self.browser.run("return location.hash"))

    def look_into(self, task_id: str) -> None:
        """Open what there is to know of a task."""
        self.go(f"#/tasks/{quote(task_id, safe='')}")

    def tile(self, task_id: str) -> WebElement:
        """Return a task's tile in the gallery."""
        return self.browser.up(self.browser.find("link", task_id), "[role=gridcell]")

    def tile_says(self, task_id: str, text: str) -> None:
        """Wait until a task's tile says something; `text` is a pattern."""
        found = re.compile(text)
        self.browser.until(
            lambda: found.search(self.browser.shown(self.tile(task_id))),
            what=f"{text!r} in the tile of {task_id}",
        )

    def without(self, task_id: str) -> None:
        """Wait until the gallery does not show a task."""
        self.browser.until(lambda: task_id not in self.shown_tasks(), what=f"a gallery without {task_id}")

    def menu(self, task_id: str, entry: str) -> None:
        """Choose an entry of a tile's menu."""
        self.browser.click("button", "Actions", within=self.tile(task_id))
        self.browser.click("menuitem", re.compile(f"^{re.escape(entry)}"))

    def shown_tasks(self) -> list[str]:
        """Return the ids of the tiles that are in sight, in their order."""
        ids: list[str] = self.browser.run(
            "return [...document.querySelectorAll('[role=gridcell]')]"
            ".sort((a, b) => a.dataset.index - b.dataset.index).map((one) => one.dataset.id)"
        )
        return ids

    def shows_picture(self, within: WebElement | None = None) -> Json:
        """Wait for a picture that has been loaded; return its natural width and height."""
        return self.browser.until(
            lambda: self.browser.run(
                "const place = arguments[0] ?? document.querySelector('main');"
                "const images = [...place.querySelectorAll('img')];"
                "const one = images.find((one) => one.complete && one.naturalWidth);"
                "return one ? {width: one.naturalWidth, height: one.naturalHeight, src: one.src} : null;",
                within,
            ),
            what="a picture",
        )

    def api(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask the console's server as the page does; return status and JSON."""
        status, text = self.browser.run_async(
            "const [method, path, body] = args;"
            "const headers = {'X-Darkroom-Console': '1', 'Content-Type': 'application/json'};"
            "const sent = body === null ? undefined : JSON.stringify(body);"
            "const answer = await fetch(path, {method, body: sent, headers});"
            "return [answer.status, await answer.text()];",
            method,
            path,
            body,
        )
        return status, json.loads(text) if text else None

    def open_kind(self, name: str) -> None:
        """Choose what to make: `Text to image`, `Image to image`, `Upscale`, `Workflow`."""
        self.browser.click("tab", name)
        self.browser.until(
            lambda: self.browser.find("tab", name).get_attribute("aria-selected") == "true",
            what=f"the tab {name}",
        )

    def drop_picture(self, path: Path) -> None:
        """Drop a file on the place for a picture."""
        button = self.browser.find("button", re.compile("^Choose (a picture|another)"))
        self.browser.drop(self.browser.up(button, "[data-drop]"), path)
        self.browser.find("image", re.compile("^Preview of "))

    def write_workflow(self, text: str) -> None:
        """Paste a workflow into its text field."""
        if not self.browser.all("textbox", "Workflow as JSON"):
            self.browser.click("button", "Edit as JSON")
        self.browser.paste("textbox", "Workflow as JSON", text)

    def node(self, node_id: str) -> WebElement:
        """Return a node of the workflow's list."""
        self.browser.find("region", "Nodes of the workflow")
        found = self.browser.until(
            lambda: self.browser.run("return document.getElementById(`make-node-${arguments[0]}`)", node_id),
            what=f"the node {node_id}",
        )
        assert isinstance(found, WebElement)
        return found

    def node_says(self, node_id: str, text: str) -> None:
        """Wait until a node of that list says something."""
        self.browser.until(
            lambda: text in self.browser.shown(self.node(node_id)), what=f"{text!r} beside the node {node_id}"
        )

    def make(self) -> str:
        """Press the button of the form; return the id of the task that it made."""
        before = set(self.made())
        self.browser.click("button", re.compile("^Make "))
        return self.browser.until(
            lambda: next((i for i in self.made() if i not in before), None), what="a task"
        )

    def made(self) -> list[str]:
        """Return the ids of the tasks that this page made, the newest first."""
        ids: list[str] = self.browser.run(
            "return [...document.querySelectorAll('.made .tile a.name')].map((one) => one.textContent)"
        )
        return ids

    def made_tile(self, task_id: str) -> WebElement:
        """Return the tile of a task beside the form."""
        return self.browser.up(self.browser.find("link", task_id), "article")

    def made_says(self, task_id: str, text: str) -> None:
        """Wait until that tile says something."""
        self.browser.until(
            lambda: text in self.browser.shown(self.made_tile(task_id)), what=f"{text!r} beside the form"
        )

    def tab_to(self, role: str, name: str | None) -> None:
        """Press the Tab key until something has the focus."""
        for _ in range(MOST_STEPS):
            self.browser.press(Keys.TAB)
            active = self.browser.driver.switch_to.active_element
            if active.aria_role == role and name in (None, active.accessible_name):
                return
        raise AssertionError(f"the Tab key does not lead to {role} {name}")

    def focused_task(self) -> str:
        """Return the id of the tile that has the focus."""
        return str(self.browser.run("return document.activeElement.dataset.id"))

    def painted(self) -> None:
        """Wait for pictures that are in sight, for fonts, and for two frames."""
        self.browser.until(lambda: self.browser.run(PICTURES_ARE_THERE), what="all pictures in sight")
        self.browser.run_async(
            "const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));"
            "await document.fonts.ready; await frame(); await frame();"
        )

    def wide(self) -> tuple[int, int]:
        """Return how wide the content and the window are: with more content it scrolls sideways."""
        content, window = self.browser.run("return [document.documentElement.scrollWidth, innerWidth]")
        return content, window

    def everything(self) -> str:
        """Return all text of the view, with that of its fields."""
        said: str = self.browser.run(
            "const fields = [...document.querySelectorAll('input, textarea, select')];"
            "return [document.body.textContent, ...fields.map((one) => one.value)].join('\\n')"
        )
        return said
