"""Pages of other origins, and of another name for this machine: they can neither read nor submit."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.console.chromium import REBOUND
from tests.console.elsewhere import elsewhere
from tests.console.page import Page
from tests.e2e.user import STATIC, User, new_id, request, text_to_image

READ = """
const [origin, path] = args;
const got = {};
const told = async (name, look) => {
  try { got[name] = await look(); } catch (error) { got[name] = null; }
};
const element = (tag, source, key = "src") => new Promise((resolve) => {
  const made = document.createElement(tag);
  if (tag === "link") made.rel = "stylesheet";
  made.onload = () => resolve(`${tag} was loaded`);
  made.onerror = () => resolve(null);
  made[key] = origin + source;
  document.body.append(made);
});
await told("fetch", async () => (await fetch(origin + path)).text());
await told("fetch with cookies", async () => (await fetch(origin + path, {credentials: "include"})).text());
await told("opaque", async () =>
  (await fetch(origin + path, {mode: "no-cors", credentials: "include"})).type);
await told("events", () => new Promise((resolve) => {
  const source = new EventSource(`${origin}/api/events`, {withCredentials: true});
  const end = (value) => { source.close(); resolve(value); };
  source.onopen = () => end("open");
  source.onerror = () => end(null);
  for (const name of ["reset", "system", "tasks", "glance"]) source.addEventListener(name, () => end(name));
}));
await told("thumb", () => element("img", args[2]));
await told("picture", () => element("img", args[3]));
await told("script", () => element("script", path));
await told("sheet", () => element("link", path, "href"));
await told("window", async () => {
  const opened = window.open(`${origin}/`);
  if (!opened) return "was not opened";
  // The console's page leaves whoever opened it: for those it is closed.
  for (let look = 0; look < 100 && !opened.closed; look += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  if (opened.closed) return null;
  opened.close();
  return "is held";
});
return got;
"""
FRAME = """
const frame = document.createElement("iframe");
frame.src = `${args[0]}/`;
await new Promise((resolve) => { frame.onload = resolve; document.body.append(frame); });
return frame;
"""
SUBMIT = """
const [origin, bodies, cancelled] = args;
const said = [];
const told = async (look) => { try { said.push(await look()); } catch (error) { said.push(String(error)); } };
const url = `${origin}/api/tasks`;
const send = (body, options) => fetch(url, {method: "POST", body, credentials: "include", ...options});
const json = {"Content-Type": "application/json"};
await told(() => send(bodies[0], {mode: "no-cors"}));
await told(() => send(bodies[1], {mode: "no-cors", headers: {"Content-Type": "text/plain"}}));
await told(() => send(bodies[2], {headers: json}));
await told(() => send(bodies[3], {headers: {...json, "X-Darkroom-Console": "1"}}));
await told(() => navigator.sendBeacon(url, new Blob([bodies[4]], {type: "text/plain"})));
await told(() => fetch(`${url}/${cancelled}`, {method: "DELETE", credentials: "include"}));
await told(() => fetch(`${url}/${cancelled}`, {
  method: "DELETE", credentials: "include", headers: {"X-Darkroom-Console": "1"}}));
await told(() => fetch(`${origin}/api/uploads`, {
  method: "POST", body: "picture", credentials: "include", mode: "no-cors"}));
const frame = document.createElement("iframe");
frame.name = "away";
document.body.append(frame);
await told(() => new Promise((resolve) => {
  const form = document.createElement("form");
  Object.assign(form, {action: url, method: "post", enctype: "text/plain", target: "away"});
  const field = document.createElement("input");
  // A body of a form as text is name=value: the equals sign goes into a text of the request's.
  [field.name, field.value] = bodies[5].split("=");
  form.append(field);
  document.body.append(form);
  frame.onload = () => resolve("sent");
  setTimeout(() => resolve("no answer"), 2000);
  form.submit();
}));
return said;
"""


# All events of a connection until the system at a glance has come.
EVENTS = """
return await new Promise((resolve) => {
  const heard = [];
  const source = new EventSource("/api/events");
  const end = () => { source.close(); resolve(heard); };
  for (const name of ["system", "reset", "tasks", "glance"]) {
    source.addEventListener(name, (event) => { heard.push(event.data); if (name === "glance") end(); });
  }
});
"""


@pytest.fixture(scope="module")
def other() -> Iterator[str]:
    with elsewhere() as url:
        yield url


def shown(user: User, page: Page) -> tuple[str, str, str]:
    """Make a task, and return paths of what the console shows of it: details, thumbnail, picture."""
    task_id = new_id("mine")
    user.submit(request(task_id, text_to_image(1)))
    told = user.hears(task_id).json
    assert told["result"], told
    base = f"/api/tasks/{task_id}"
    paths = (base, f"{base}/images/0/thumb?s={told['submission']}", f"{base}/images/0")
    for path in paths[1:]:
        status = page.browser.run_async("return (await fetch(args[0])).status", path)
        assert status == 200, f"{path} answers our own page with {status}"
    return paths


def text_of(page: Page, path: str) -> str:
    """Return the text that our own page is answered with; wait until there is one."""

    def answered() -> str | None:
        script = "const answer = await fetch(args[0]); return [answer.status, await answer.text()];"
        status, text = page.browser.run_async(script, path)
        assert isinstance(text, str)
        return text if status == 200 else None

    return page.browser.until(answered, what=f"an answer to {path}")


def bodies(ids: list[str]) -> list[str]:
    made = [request(task_id, text_to_image(1, negative_prompt="a=b")) for task_id in ids]
    return [json.dumps(body) for body in made]


def test_a_page_of_another_origin_reads_nothing(page: Page, user: User, other: str) -> None:
    paths = shown(user, page)
    page.browser.open(other)
    got = page.browser.run_async(READ, page.origin, *paths)
    assert got == dict.fromkeys(got), got
    assert len(got) == 9


def test_a_page_of_another_origin_cannot_show_the_console_in_a_frame(page: Page, other: str) -> None:
    page.browser.open(other)
    driver = page.browser.driver
    driver.switch_to.frame(page.browser.run_async(FRAME, page.origin))
    try:
        assert page.browser.run("return [location.protocol, document.querySelector('#app')]") == [
            "chrome-error:",
            None,
        ]
    finally:
        driver.switch_to.default_content()


def test_a_page_of_another_origin_submits_and_cancels_nothing(page: Page, user: User, other: str) -> None:
    ids = [new_id("theirs") for _ in range(6)]
    kept = new_id("kept")
    with user.holding(STATIC):
        user.submit(request(kept, text_to_image(2)))
        page.browser.open(other)
        said = page.browser.run_async(SUBMIT, page.origin, bodies(ids), kept)
        assert len(said) == 9
    assert user.hears(kept).json["result"], "it was not cancelled"
    assert [task_id for task_id in ids if user.row(task_id) is not None] == []

    page.enter()
    for body in bodies(ids[:1]):
        assert page.api("POST", "/api/tasks", json.loads(body))[0] == 200, "our own page can"
    assert user.hears(ids[0]).json["result"]


def test_under_another_name_of_this_machine_there_is_no_console(page: Page, user: User) -> None:
    paths = shown(user, page)
    rebound = f"http://{REBOUND}:{urlsplit(page.origin).port}"
    token = page.address.partition("?")[2]
    page.browser.cdp("Page.setBypassCSP", enabled=True)  # not the page's policy is what has to hold here
    try:
        page.browser.open(f"{rebound}/?{token}")
        assert page.browser.run("return document.querySelector('#app')") is None
        cookies = page.browser.cdp("Network.getCookies", urls=[rebound])["cookies"]
        assert cookies == []
        task_id = new_id("rebound")
        for path in ("/", "/assets/app.js", "/api/system", *paths):
            status, text = page.browser.run_async(
                "const answer = await fetch(args[0]); return [answer.status, await answer.text()];", path
            )
            assert status == 400, f"{path}: {status} {text[:200]}"
            assert task_id not in text
        status, answer = page.api("POST", "/api/tasks", request(task_id, text_to_image(3)))
        assert status == 400, answer
        assert user.row(task_id) is None
    finally:
        page.browser.cdp("Page.setBypassCSP", enabled=False)


def test_whoever_has_no_token_is_told_to_open_the_printed_address(page: Page) -> None:
    page.browser.forget(page.origin)
    page.browser.open(f"{page.origin}/")
    page.browser.says("Open the printed address")
    status, answer = page.api("GET", "/api/system")
    assert (status, answer["error"]["code"]) == (401, "unauthorized")
    assert "./darkroom" in answer["error"]["message"]
    page.browser.open(f"{page.origin}/?token=guessed")
    assert page.api("GET", "/api/system")[0] == 401
    page.enter()
    assert page.api("GET", "/api/system")[0] == 200


def test_the_token_leaves_the_address_and_no_script_can_read_the_cookie(page: Page) -> None:
    assert "token" not in page.browser.driver.current_url
    assert page.browser.run("return document.cookie") == ""
    [cookie] = page.browser.cdp("Network.getCookies", urls=[page.origin])["cookies"]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert cookie["name"] == f"darkroom_console_{urlsplit(page.origin).port}"


def test_the_api_key_never_reaches_the_page(page: Page, user: User) -> None:
    paths = ["/", "/assets/app.js", "/assets/app.css", "/api/system", *shown(user, page)[:1]]
    paths += [f"{paths[-1]}/{part}" for part in ("out", "notification", "trace")]
    page.go("#/glance")
    events = page.browser.run_async(EVENTS)
    assert len(events) >= 4
    texts = [
        *(text_of(page, path) for path in paths),
        *events,
        page.browser.driver.page_source,
        page.browser.run("return JSON.stringify(localStorage)"),
    ]
    assert [text for text in texts if user.state.api_key in text] == []
    assert [text for text in texts if "X-Amz-" in text] == [], "nor does a presigned link"
