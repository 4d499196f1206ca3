"""What somebody does and sees in a browser: things are found by role and accessible name."""

import base64
import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    JavascriptException,
    StaleElementReferenceException,
    WebDriverException,
)
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

PATIENCE = 30.0  # seconds until a test gives up on something that must come
LOOK = 0.05  # seconds
# Before any script of a page: what must not happen leaves a trace, which outlives the document in its tab.
WITNESS = """
for (const name of ["__bad", "__violations"]) {
  const said = [];
  let kept = null;
  try { kept = sessionStorage; } catch { /* a document without an origin keeps nothing */ }
  said.push(...JSON.parse(kept?.getItem(name) ?? "[]"));
  said.push = (one) => {
    Array.prototype.push.call(said, one);
    kept?.setItem(name, JSON.stringify(said));
  };
  window[name] = said;
}
for (const name of ["alert", "confirm", "prompt", "print"]) {
  window[name] = () => { window.__bad.push(name); };
}
document.addEventListener("securitypolicyviolation", (event) => {
  const { effectiveDirective, blockedURI, sourceFile, lineNumber } = event;
  window.__violations.push(`${effectiveDirective} ${blockedURI} ${sourceFile}:${lineNumber}`);
});
addEventListener("error", (event) => window.__violations.push(`error: ${event.message ?? event.target}`));
addEventListener("unhandledrejection", (event) => window.__violations.push(`rejected: ${event.reason}`));
"""
GONE = (
    StaleElementReferenceException,
    ElementClickInterceptedException,
    ElementNotInteractableException,
    JavascriptException,
)

type Name = str | re.Pattern[str] | None


class Browser:
    """One tab. What is looked for is waited for."""

    def __init__(self, driver: webdriver.Chrome, downloads: Path) -> None:
        self.driver = driver
        self._downloads = downloads
        self._found = 0
        self._heard = ""
        self._cdp("Page.enable")
        self._cdp("Page.addScriptToEvaluateOnNewDocument", source=WITNESS)
        self._cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))

    def open(self, url: str) -> None:
        """Go to an address."""
        self.driver.get(url)

    def forget(self, origin: str) -> None:
        """Begin as somebody who was never here: no cookies, nothing kept, light, 1280 pixels wide."""
        self.driver.get(f"{origin}/assets/icon.svg")  # of the origin, and runs nothing that could write again
        self.run("sessionStorage.clear()")
        self._cdp("Network.clearBrowserCookies")
        self._cdp("Storage.clearDataForOrigin", origin=origin, storageTypes="all")
        self.said()
        self.look()

    def look(self, *, dark: bool = False, width: int = 1280, height: int = 900, touch: bool = False) -> None:
        """Choose what the user's system prefers, and the size of the window.

        With `touch`, scrollbars lie over the page, as on a telephone.
        """
        self._cdp(
            "Emulation.setEmulatedMedia",
            features=[
                {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ],
        )
        self._cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=touch,
        )

    def all(self, role: str, name: Name = None, *, within: WebElement | None = None) -> list[WebElement]:
        """Return what is there now with a role and a name, in the order of the page."""
        if within is None:
            root = self._cdp("Runtime.evaluate", expression="document")
        else:
            self.driver.execute_script("window.__within = arguments[0]", within)
            root = self._cdp("Runtime.evaluate", expression="window.__within")
        asked: dict[str, Any] = {"objectId": root["result"]["objectId"], "role": role}
        if isinstance(name, str):
            asked["accessibleName"] = name
        nodes = self._cdp("Accessibility.queryAXTree", **asked)["nodes"]
        wanted = [
            node["backendDOMNodeId"]
            for node in nodes
            if not node["ignored"]
            and "backendDOMNodeId" in node
            and (not isinstance(name, re.Pattern) or name.search(node.get("name", {}).get("value", "")))
        ]
        return [self._element(backend) for backend in wanted]

    def find(self, role: str, name: Name = None, *, within: WebElement | None = None) -> WebElement:
        """Return the first such thing; wait until there is one."""
        found = self.until(lambda: self.all(role, name, within=within), what=f"{role} {_said(name)}")
        return found[0]

    def gone(self, role: str, name: Name = None, *, within: WebElement | None = None) -> None:
        """Wait until there is no such thing."""
        self.until(lambda: not self.all(role, name, within=within), what=f"no {role} {_said(name)}")

    def click(self, role: str, name: Name = None, *, within: WebElement | None = None) -> None:
        """Click it once it is there and can be clicked."""
        self.until(
            lambda: self._click(self.find(role, name, within=within)), what=f"a click on {role} {_said(name)}"
        )

    def fill(self, role: str, name: Name, text: str) -> WebElement:
        """Write into a field, in place of what it has."""
        field = self.find(role, name)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.DELETE)
        field.send_keys(text)
        return field

    def paste(self, role: str, name: Name, text: str) -> WebElement:
        """Put a long text into a field at once, in place of what it has."""
        field = self.find(role, name)
        field.click()
        field.send_keys(Keys.CONTROL, "a")
        self._cdp("Input.insertText", text=text)
        return field

    def choose(self, role: str, name: Name, option: str) -> None:
        """Choose an option of a list by its text or its value."""
        field = self.find(role, name)
        chosen = self.driver.execute_script(
            "const [field, wanted] = arguments;"
            "const option = [...field.options].find((one) => one.text === wanted || one.value === wanted);"
            "if (!option) return [...field.options].map((one) => one.text);"
            "field.value = option.value;"
            "field.dispatchEvent(new Event('input', {bubbles: true}));"
            "field.dispatchEvent(new Event('change', {bubbles: true})); return null;",
            field,
            option,
        )
        assert chosen is None, f"{_said(name)} has no {option!r}, but {chosen}"

    def press(self, keys: str) -> None:
        """Press keys where the focus is; Ctrl as the first one is held for the others."""
        chain = ActionChains(self.driver, duration=0)
        if keys[0] == Keys.CONTROL:
            chain.key_down(keys[0]).send_keys(keys[1:]).key_up(keys[0]).perform()
        else:
            chain.send_keys(keys).perform()

    def drop(self, element: WebElement, *files: Path) -> None:
        """Drop files of the disk on something, as the system's own drag and drop does."""
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        box = self.driver.execute_script(
            "const b = arguments[0].getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]",
            element,
        )
        data = {"items": [], "files": [str(path) for path in files], "dragOperationsMask": 1}
        for step in ("dragEnter", "dragOver", "drop"):
            self._cdp("Input.dispatchDragEvent", type=step, x=box[0], y=box[1], data=data)

    def text(self, role: str = "main", name: Name = None) -> str:
        """Return the visible text of something."""
        return self.until(
            lambda: self.shown(self.find(role, name)) or " ", what=f"text of {role} {_said(name)}"
        )

    def says(self, text: str | re.Pattern[str], *, role: str | None = None, name: Name = None) -> str:
        """Wait until the page, or a part of it, says something; return all that it says."""

        def heard() -> str | None:
            if role is None:
                said = self.run("return document.body ? document.body.innerText : ''")
            else:
                said = "\n".join(
                    self.driver.execute_script("return arguments[0].innerText", one)
                    for one in self.all(role, name)
                )
            known = text in said if isinstance(text, str) else text.search(said)
            self._heard = said
            return said or " " if known else None

        try:
            return self.until(heard, what=f"{role or 'the page'} {_said(name)} saying {text!r}")
        except AssertionError as exc:
            raise AssertionError(f"{exc}; it says: {self._heard[-1500:]!r}") from None

    def until[T](self, look: Callable[[], T | None], *, what: str, patience: float = PATIENCE) -> T:
        """Look until there is something to see, and return it; what was replaced is looked for anew."""
        deadline = time.monotonic() + patience
        while True:
            try:
                if seen := look():
                    return seen
            except GONE as exc:
                if time.monotonic() > deadline:
                    raise AssertionError(f"{what}: {exc.msg}") from exc
            assert time.monotonic() < deadline, (
                f"{what}: not there after {patience:g} s, at {self.driver.current_url}"
            )
            time.sleep(LOOK)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a function's body in the page; return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def run_async(self, script: str, *arguments: Any) -> Any:
        """Run an asynchronous function's body in the page; return what it comes to."""
        return self.driver.execute_async_script(
            "const given = [...arguments], done = given.pop();"
            "const fail = (error) => done({error: String(error)});"
            f"(async (...args) => {{ {script} }})(...given).then(done, fail);",
            *arguments,
        )

    @property
    def bad(self) -> list[str]:
        """What was executed in this tab that must not be, under this origin: dialogs and markers."""
        found: list[str] = self.run("return window.__bad ?? ['no witness']")
        return found

    @property
    def violations(self) -> list[str]:
        """What the page's security policy had to refuse, and errors that nobody caught."""
        found: list[str] = self.run("return window.__violations ?? ['no witness']")
        return found

    def allow_clipboard(self, origin: str) -> None:
        """Let a page read and write the clipboard, as a user allows it."""
        self._cdp(
            "Browser.grantPermissions",
            origin=origin,
            permissions=["clipboardReadWrite", "clipboardSanitizedWrite"],
        )

    def downloaded(self, name: str) -> Path:
        """Wait until a file has been saved, and return it."""
        path = self._downloads / name
        return self.until(lambda: path if path.is_file() else None, what=f"the file {name}")

    def up(self, element: WebElement, selector: str) -> WebElement:
        """Return what an element lies in."""
        found = self.run("return arguments[0].closest(arguments[1])", element, selector)
        assert isinstance(found, WebElement), f"it lies in no {selector}"
        return found

    def shown(self, element: WebElement) -> str:
        """Return the text of an element as it is rendered."""
        text: str = self.run("return arguments[0].innerText", element)
        return text

    def close_others(self) -> None:
        """Close what has been opened beside the first tab."""
        first, *others = self.driver.window_handles
        for other in others:
            self.driver.switch_to.window(other)
            self.driver.close()
        self.driver.switch_to.window(first)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Keep what is seen as a PNG."""
        shot = self._cdp("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def said(self) -> list[dict[str, Any]]:
        """Return what the console of the browser has said since this was last asked."""
        said: list[dict[str, Any]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call] # selenium's
        return said

    def keep(self, folder: Path) -> Sequence[Path]:
        """Keep what helps to understand a failure: picture, page, console."""
        folder.mkdir(parents=True, exist_ok=True)
        picture, page, log = folder / "screen.png", folder / "page.html", folder / "console.log"
        try:
            self.screenshot(picture)
            page.write_text(self.driver.page_source)
            entries = [*self.said(), {"violations": self.violations, "bad": self.bad}]
            log.write_text("\n".join(json.dumps(entry) for entry in entries))
        except WebDriverException as exc:
            log.write_text(f"nothing could be kept: {exc.msg}\n")
        return [path for path in (picture, page, log) if path.exists()]

    def cdp(self, method: str, **parameters: Any) -> Any:
        """Ask the browser itself."""
        return self._cdp(method, **parameters)

    def _cdp(self, method: str, **parameters: Any) -> Any:
        return self.driver.execute_cdp_cmd(method, parameters)

    def _click(self, element: WebElement) -> bool:
        self.run("arguments[0].scrollIntoView({block: 'center', inline: 'nearest'})", element)
        element.click()
        return True

    def _element(self, backend: int) -> WebElement:
        """Return the element of a node that the accessibility tree named."""
        self._found += 1
        resolved = self._cdp("DOM.resolveNode", backendNodeId=backend)["object"]["objectId"]
        self._cdp(
            "Runtime.callFunctionOn",
            objectId=resolved,
            functionDeclaration=f"function() {{ window.__found = {{at: {self._found}, node: this}}; }}",
        )
        element = self.run("return window.__found.node")
        assert isinstance(element, WebElement)
        return element


def _said(name: Name) -> str:
    return "" if name is None else repr(name.pattern if isinstance(name, re.Pattern) else name)
