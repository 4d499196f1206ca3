"""axe-core, run in the page: what a checker of accessibility finds."""

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.console.browser import Browser

AXE_ENV = "DARKROOM_AXE"
# Made by console/page:axe, or as `npm ci` leaves it.
PLACES = ("console/page/axe.min.js", "console/page/node_modules/axe-core/axe.min.js")
GRAVE = ("serious", "critical")
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
RUN = """
const found = await window.__axe.run(document, {
  runOnly: args[0], resultTypes: ["violations"], elementRef: false });
return found.violations.map((one) => ({
  id: one.id, impact: one.impact, help: one.help,
  nodes: one.nodes.map((node) => `${node.target.join(" ")} ${node.html} ${node.failureSummary}`) }));
"""


def violations(browser: Browser) -> Sequence[str]:
    """Return the serious and critical violations of what is shown, each as a line with its places."""
    if not browser.run("return Boolean(window.__axe)"):
        browser.run(f"{_source()}; window.__axe = axe;")
    found: list[dict[str, Any]] = browser.run_async(RUN, list(RULES))
    assert isinstance(found, list), found
    return [
        f"{one['impact']} {one['id']}: {one['help']}: {' | '.join(one['nodes'][:3])}"
        for one in found
        if one["impact"] in GRAVE
    ]


@cache
def _source() -> str:
    named = os.environ.get(AXE_ENV)
    places = [Path(named)] if named else [Path(place) for place in PLACES]
    found = next((place for place in places if place.is_file()), None)
    assert found, f"there is no axe.min.js: run `npm ci` in console/page, or name it in {AXE_ENV}"
    return found.read_text(encoding="utf-8")
