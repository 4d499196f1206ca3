"""The script of a trace's page, run by Node with as much of a browser as it needs."""

import json
import subprocess
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from local.traces.spans import Span
from local.traces.store import Store
from local.traces.views import Views

PATIENCE = 60.0  # seconds

BROWSER = """
const made = () => ({
  hidden: false, textContent: "", style: {}, childElementCount: 0, content: [],
  append(...more) { this.content.push(...more); }, replaceChildren(...all) { this.content = all; },
  setAttribute() {}, addEventListener() {}, querySelector: () => null, querySelectorAll: () => [],
});
const elements = {}, asked = [], told = [];
let next;
globalThis.document = {
  hidden: false, activeElement: null, addEventListener() {}, createElement: made,
  getElementById: (id) => (elements[id] ??= made()),
};
globalThis.window = { matchMedia: () => ({ matches: true }) };
globalThis.location = { pathname: given.path };
globalThis.setTimeout = (work) => { next = work; };
globalThis.clearTimeout = () => {};
globalThis.fetch = async (path) => {
  asked.push(path);
  const answer = given.answers[asked.length - 1];
  return { status: answer.status, ok: answer.status === 200, json: async () => answer.content };
};
const text = (each) => typeof each === "string" ? each : each.content.map(text).join(" ");
elements.main = Object.assign(made(), { hidden: true });
elements.message = Object.assign(made(), { textContent: "Loading …" });
for (next = () => import("./trace.mjs"); asked.length < given.answers.length; ) {
  await next();
  await new Promise(setImmediate);
  const { main, message, facts } = elements;
  const said = message.hidden ? null : message.textContent;
  told.push({ main: !main.hidden, message: said, facts: facts ? text(facts) : "" });
}
console.log(JSON.stringify({ asked, told }));
"""

type Show = Callable[..., tuple[list[str], list[dict[str, Any]]]]


@pytest.fixture
def show(tmp_path: Path) -> Show:
    """Make what opens the page at a path, with the answers that it gets to its polls.

    It returns the paths that were asked for, and after each poll what is to be seen.
    """
    for name in ("format", "trace"):
        script = resources.files("local.traces").joinpath("page", f"{name}.js").read_text()
        (tmp_path / f"{name}.mjs").write_text(script.replace("/page/format.js", "./format.mjs"))

    def run(path: str, *answers: tuple[int, Any]) -> tuple[list[str], list[dict[str, Any]]]:
        given = {"path": path, "answers": [{"status": status, "content": said} for status, said in answers]}
        program = tmp_path / "run.mjs"
        program.write_text(f"const given = {json.dumps(given)};\n{BROWSER}")
        ended = subprocess.run(
            ["node", str(program)], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert ended.returncode == 0, ended.stderr
        seen = json.loads(ended.stdout)
        return seen["asked"], seen["told"]

    return run


@pytest.fixture
def a_view(store: Store, a_task: Callable[..., list[Span]]) -> dict[str, Any]:
    """Give what the store would answer."""
    store.add(a_task("a"))
    store.settle(20)
    view = Views(store).trace("a")
    assert view is not None
    return view.model_dump(mode="json") | {"complete": False}  # so that the page goes on to ask


def test_a_poll_that_failed_is_told_until_the_next_one(show: Show, a_view: dict[str, Any]) -> None:
    _, told = show("/traces/a", (200, a_view), (500, None), (200, a_view))
    assert [(seen["main"], seen["message"]) for seen in told] == [
        (True, None),
        (True, "The trace cannot be shown: the trace store answered 500"),
        (True, None),
    ]


def test_a_trace_that_comes_later_takes_the_place_of_the_message(show: Show, a_view: dict[str, Any]) -> None:
    _, told = show("/traces/a", (404, None), (200, a_view))
    assert (told[0]["main"], "no trace a," in told[0]["message"]) == (False, True)
    assert (told[1]["main"], told[1]["message"]) == (True, None)


@pytest.mark.parametrize(
    ("path", "wanted"), [("/traces/%zz", "%zz"), ("/traces/a%2Fb%3F", "a/b?"), ("/traces/%C3%BC", "ü")]
)
def test_an_address_may_be_anything(path: str, wanted: str, show: Show) -> None:
    asked, [seen] = show(path, (404, None))
    assert unquote(asked[0]) == f"/api/traces/{wanted}"
    assert f"no trace {wanted}," in seen["message"]


def test_what_is_not_shown_and_not_kept_is_said(show: Show, a_view: dict[str, Any]) -> None:
    cut = a_view | {"truncated": True, "dropped": 60_000, "span_count": 80_000}
    _, told = show("/traces/a", (200, a_view), (200, cut))
    assert "shown" not in told[0]["facts"]
    assert "80000 spans" in told[1]["facts"]
    assert "the first 17 shown, the last 60000 not kept" in told[1]["facts"]
