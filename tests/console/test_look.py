"""Looking into a task: what it was, how long each part took, and the very documents that were sent."""

import json
import re

from tests.console.page import Page
from tests.e2e.user import HOLD, STATIC, Json, User, eventually, new_id, request, text_to_image

SPANS = ("POST /v1alpha2", "accept", "infer", "store", "publish notifications")
DOCUMENTS = ("Notification", ".out")


def ended(page: Page, user: User, task_id: str, **content: object) -> Json:
    """Submit a task in the console, wait for its end, and look into it; return its notification."""
    status, answer = page.api("POST", "/api/tasks", request(task_id, text_to_image(31, **content)))
    assert status == 200, answer
    told: Json = user.hears(task_id).json
    page.look_into(task_id)
    assert page.browser.text("heading", task_id) == task_id
    return told


def test_parameters_seed_and_picture_are_those_of_the_task(page: Page, user: User) -> None:
    task_id = new_id("look")
    told = ended(page, user, task_id, negative_prompt="rain")
    assert told["result"], told
    page.browser.says("Succeeded", role="main")
    said = page.browser.says("a lighthouse, number 31", role="region", name="Parameters")
    assert "31" in said
    assert "rain" in said
    shown = page.shows_picture()
    assert (shown["width"], shown["height"]) == (64, 64)


def test_stages_waterfall_and_critical_path_are_those_of_the_trace(page: Page, user: User) -> None:
    task_id = new_id("traced")
    ended(page, user, task_id)
    page.browser.says("Complete", role="region", name="Trace")
    for name in SPANS:
        page.browser.find("treeitem", re.compile(re.escape(name)))
    assert page.browser.all("treeitem", re.compile("infer.*on the critical path"))
    assert page.browser.all("treeitem", re.compile("GPU"))
    timings = page.browser.says("infer", role="region", name="Timings")
    assert "API" in timings
    trace = page.api("GET", f"/api/tasks/{task_id}/trace")[1]
    assert abs(sum(step["ms"] for step in trace["steps"]) - trace["total_ms"]) < 1


def test_the_notification_and_the_out_are_shown_letter_by_letter(page: Page, user: User) -> None:
    task_id = new_id("sent")
    told = ended(page, user, task_id)
    sent = {"Notification": user.hears(task_id).body, ".out": user.fetch(told["output_url"]).decode()}
    for title, text in sent.items():
        card = page.browser.find("region", title)
        page.browser.click("tab", "As sent", within=card)
        shown = page.browser.until(
            lambda card=card: page.browser.run(  # type: ignore[misc] # of the round that it is in
                "return arguments[0].querySelector('[role=tabpanel] code')?.textContent", card
            ),
            what=f"the {title}",
        )
        assert json.loads(shown) == json.loads(text)
        assert shown == text, title


def test_a_failed_task_shows_its_error_and_what_to_do(page: Page, user: User) -> None:
    task_id = new_id("failed")
    user.plan(STATIC, {"kind": "no_images"})
    told = ended(page, user, task_id)
    assert not told["result"]
    said = page.browser.says(told["error"]["code"], role="region", name="Error")
    assert told["error"]["message"] in said
    assert "What to do:" in said


def test_a_running_task_is_followed_and_cancelled_from_its_page(page: Page, user: User) -> None:
    task_id = new_id("watched")
    user.plan(STATIC, {"kind": "slow", "seconds": HOLD})
    page.api("POST", "/api/tasks", request(task_id, text_to_image(1, steps=20)))
    page.look_into(task_id)
    page.browser.says("Running", role="main")
    page.browser.find("progressbar", f"Progress of {task_id}")
    page.browser.click("button", "Cancel")
    page.browser.click("button", "Cancel the task")
    page.browser.says("Cancelled", role="main")
    assert user.hears(task_id).json["error"]["code"] == "cancelled"


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Press the mouse's button at one point and let it go at another."""
    for step, (x, y) in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
        page.browser.cdp(
            "Input.dispatchMouseEvent", type=step, x=x, y=y, button="left", buttons=1, clickCount=1
        )


def test_a_dialog_closes_by_a_click_beside_it_and_not_by_text_dragged_over_its_edge(
    page: Page, user: User
) -> None:
    task_id = new_id("dragged")
    user.plan(STATIC, {"kind": "slow", "seconds": HOLD})
    page.api("POST", "/api/tasks", request(task_id, text_to_image(1)))
    page.look_into(task_id)
    page.browser.click("button", "Cancel")
    words = page.browser.find("strong", within=page.browser.find("dialog", "Cancel this task?"))
    inside = (words.rect["x"] + 5, words.rect["y"] + 5)
    beside = (5.0, 450.0)
    drag(page, inside, beside)
    page.painted()
    assert page.browser.all("dialog", "Cancel this task?")
    drag(page, beside, beside)
    page.browser.gone("dialog", "Cancel this task?")
    page.browser.click("button", "Cancel")
    page.browser.click("button", "Cancel the task")
    page.browser.says("Cancelled", role="main")
    assert user.hears(task_id).json["error"]["code"] == "cancelled"


def test_an_id_that_goes_to_another_task_shows_nothing_of_the_one_before(page: Page, user: User) -> None:
    task_id = new_id("anew")
    ended(page, user, task_id)
    page.browser.find("table", "What was used")
    user.plan(STATIC, {"kind": "slow", "seconds": HOLD})
    status, answer = page.api("POST", "/api/tasks", request(task_id, text_to_image(32)))
    assert status == 200, answer
    page.browser.says("Running", role="main")
    assert page.browser.all("table", "What was used") == []
    page.browser.click("button", "Cancel")
    page.browser.click("button", "Cancel the task")
    page.browser.says("Cancelled", role="main")


def test_an_unknown_task_is_told_in_words(page: Page) -> None:
    page.go("#/tasks/nobody-has-this")
    page.browser.says("There is no such task")
    page.browser.click("link", "To the gallery")
    page.browser.find("heading", "Gallery")
    assert page.hash == "#/gallery"


def test_the_system_at_a_glance_shows_a_queue_that_grows_and_empties(page: Page, user: User) -> None:
    page.go("#/glance")
    page.browser.says("ready", role="region", name=STATIC)

    def queued() -> int:
        said = page.browser.text("region", STATIC)
        found = re.search(r"queued\s+(\d+)", said, re.IGNORECASE)
        return int(found[1]) if found else 0

    ids = [new_id("deep") for _ in range(4)]
    with user.holding(STATIC):
        page.browser.says("at work", role="region", name=STATIC)
        for number, task_id in enumerate(ids):
            user.submit(request(task_id, text_to_image(number)))
        eventually(lambda: queued() >= 1, what="a queue that is seen")
    for task_id in ids:
        assert user.hears(task_id).json["result"]
    eventually(lambda: queued() == 0, what="an empty queue")
    page.browser.find("image", re.compile("^Waiting in queues: now "))
