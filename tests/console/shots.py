"""Takes the screenshots of the console that the documentation shows.

    ./pants run tests:program -- console.shots docs/images

Starts a local system, has it paint pictures, lets one task fail and some wait, and writes
`console-<area>.png`, `console-<area>-dark.png` and one of a telephone's width. Look at them before you
commit them.
"""

import argparse
import io
import json
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx
from PIL import Image

from local.clients import Clients
from local.home import Home
from tests.console.browser import Browser
from tests.console.chromium import chromium
from tests.console.page import Page
from tests.e2e.listening import listening
from tests.e2e.running import running
from tests.e2e.user import COMFY, DYNAMIC, STATIC, Json, User, request, workflow

WIDTH, PHONE = 1280, 390
HEIGHT, WORKFLOW, TALL = 860, 1240, 1560
SECONDS_PER_IMAGE = 0.4
LARGEST = 300_000  # bytes of a file
COLOURS = (256, 192, 128, 96, 64)
PROMPTS = (
    "a lighthouse at dusk",
    "a castle in the mountains at dawn",
    "a fox in a forest, autumn, golden",
    "a sailboat on a turquoise sea, summer",
    "a neon city street at night",
    "hot air balloons over a meadow in spring",
    "a cabin in the snow, winter night",
    "pyramids in the desert at sunset",
    "a wizard beneath the aurora",
    "a cat in a garden, sunny",
    "a harbour town in the storm",
    "a spaceship before a purple nebula",
    "a red house by a lake, misty morning",
    "an owl in a pine forest, moonlight",
    "a knight at a tower, stormy sky",
    "seagulls over the coast at dawn",
    "a monk beneath an old oak tree, fog",
    "a whale and a boat, starry night",
)
MADE = (
    "a cottage by the sea, spring",
    "a castle in the mountains, autumn, golden",
    "a fox in the forest, moonlight",
    "a lighthouse at dusk",
)
MORE = 3  # tasks that are under way while the pictures are taken


def seed(user: User) -> tuple[str, str]:
    """Fill a system; return the ids of two tasks to be compared."""
    ids = [_submit(user, number, prompt) for number, prompt in enumerate(PROMPTS)]
    for task_id in ids:
        assert user.hears(task_id).json["result"], task_id
    user.plan(DYNAMIC, {"kind": "oom", "next": 3})
    failed = _submit(user, 1, "a panorama of the whole coast", width=1024)
    assert not user.hears(failed).json["result"]
    other = _submit(user, 90, PROMPTS[0], name="lighthouse-again")
    first = _submit(user, 91, PROMPTS[0], name="lighthouse-at-dusk")
    assert user.hears(first).json["result"]
    assert user.hears(other).json["result"]
    return first, other


def under_way(user: User) -> None:
    """Submit tasks that take long."""
    user.plan(STATIC, {"kind": "slow", "seconds": 60.0})
    for number in range(MORE):
        content = {"prompt": "a bridge in the fog", "steps": 30, "width": 512, "height": 512, "seed": number}
        user.submit(request(f"bridge-in-the-fog-{number + 1}", content))
    time.sleep(8.0)  # until the first tells how far it is


def _submit(user: User, number: int, prompt: str, *, name: str = "", width: int = 512) -> str:
    words = [word for word in re.findall(r"[a-z]+", prompt) if len(word) > 3]
    task_id = name or f"{'-'.join(words[:3])}-{number + 11}"
    content: Json = {"prompt": prompt, "seed": number + 7, "steps": 24, "width": width, "height": 512}
    if number % 3 == 2:
        graph = workflow(number)
        graph["6"]["inputs"]["text"] = prompt
        graph["3"]["inputs"]["steps"] = 24
        graph["5"]["inputs"] |= {"width": 512, "height": 512}
        user.submit(request(task_id, graph, runtime=COMFY, tasktype="pipeline"))
    else:
        user.submit(request(task_id, content, runtime=DYNAMIC if number % 3 else STATIC))
    return task_id


def make(page: Page) -> None:
    """Make pictures with the form."""
    for prompt in MADE:
        page.browser.fill("textbox", "Prompt", prompt)
        page.make()
    for task_id in page.made():
        page.made_says(task_id, "Succeeded")


def break_workflow(page: Page) -> None:
    """Paste a workflow with a link that leads nowhere."""
    graph = workflow(7)
    graph["8"]["inputs"]["vae"] = ["44", 2]
    page.open_kind("Workflow")
    page.write_workflow(json.dumps(graph))
    page.node_says("8", "does not exist")
    page.browser.click("button", "Hide JSON")


def take(page: Page, folder: Path, hash_: str, name: str, height: int = HEIGHT) -> None:
    """Take a view, light and dark."""
    page.go(hash_)
    for dark in (False, True):
        page.browser.look(dark=dark, width=WIDTH, height=height, touch=True)
        page.browser.run("document.activeElement.blur(); scrollTo(0, 0)")
        settle(page)
        save(page, folder / f"console-{name}{'-dark' if dark else ''}.png")


def settle(page: Page) -> None:
    """Wait until all in sight has come."""
    page.painted()
    time.sleep(1.0)  # what fades in has done so


def save(page: Page, path: Path) -> None:
    """Write what is seen as a PNG of few colours, small enough for a repository."""
    draft = io.BytesIO()
    shot = path.with_suffix(".tmp.png")
    page.browser.screenshot(shot)
    with Image.open(shot) as image:
        for colours in COLOURS:
            draft = io.BytesIO()
            plain = image.convert("RGB")
            plain.quantize(colours, method=Image.Quantize.MAXCOVERAGE, kmeans=2).save(
                draft, "PNG", optimize=True
            )
            if draft.tell() <= LARGEST:
                break
    shot.unlink()
    path.write_bytes(draft.getvalue())
    print(f"{path}: {draft.tell() / 1000:.0f} kB")


def main(arguments: Sequence[str] | None = None) -> int:
    """Take them all, and return 0."""
    parser = argparse.ArgumentParser(prog="shots", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args(arguments).folder
    with ExitStack() as stack:
        home = Home(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        state = stack.enter_context(running(home, seconds_per_image=SECONDS_PER_IMAGE))
        assert state.console_url is not None
        clients = Clients(state.aws_url)
        http = stack.enter_context(httpx.Client(trust_env=False))
        told = stack.enter_context(listening(clients, state.notifications_topic))
        user = User(state, clients, http, told, told)
        left, right = seed(user)
        browser = Browser(stack.enter_context(chromium()), home.root)
        page = Page(browser, state.console_url)
        browser.look(width=WIDTH, height=TALL)
        page.enter()
        make(page)
        take(page, folder, "#/", "make")
        browser.look(width=WIDTH, height=TALL)
        break_workflow(page)
        take(page, folder, "#/", "workflow", WORKFLOW)
        page.go(f"#/tasks/{left}")
        browser.says("Complete", role="region", name="Trace")
        take(page, folder, f"#/tasks/{left}", "look", TALL)
        take(page, folder, f"#/compare/{left}/0/{right}/0", "compare")
        under_way(user)
        take(page, folder, "#/gallery", "watch")
        take(page, folder, "#/glance", "glance", 960)
        page.go("#/gallery")
        browser.look(width=PHONE, height=HEIGHT, touch=True)
        settle(page)
        save(page, folder / "console-phone.png")
        for number in range(MORE):
            user.send("DELETE", f"v1alpha2/tasks/bridge-in-the-fog-{number + 1}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
