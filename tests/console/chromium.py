"""A real Chromium, started for tests alone: nothing of it talks to anybody but who the tests name."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

CHROMIUM_ENV, DRIVER_ENV = "DARKROOM_CHROMIUM", "DARKROOM_CHROMEDRIVER"
NAMES = ("chromium", "chromium-browser", "google-chrome")
# The console is reached under this name too, as after a DNS rebinding.
REBOUND = "rebound.example"
FLAGS = (
    "--headless",
    "--no-sandbox",  # in containers it cannot have one; it opens nothing but the tests' own pages
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-domain-reliability",
    "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
    "--metrics-recording-only",
    "--no-proxy-server",
    "--password-store=basic",
    "--hide-scrollbars",
    f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
SCRIPT_TIMEOUT = 30.0  # seconds
START_TIMEOUT = 60.0  # seconds


@contextmanager
def chromium(*flags: str, size: tuple[int, int] = (1280, 900)) -> Iterator[webdriver.Chrome]:
    """Keep a Chromium open, with a profile of its own that is empty; at the end it is gone.

    Raises:
        AssertionError: there is none, or no driver of it.
    """
    binary, driver = _program(CHROMIUM_ENV, *NAMES), _program(DRIVER_ENV, "chromedriver")
    options = Options()
    options.binary_location = binary
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.set_capability("unhandledPromptBehavior", "ignore")  # a dialog is to be seen, not closed
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="darkroom-chromium-", ignore_cleanup_errors=True)
            )
        )
        for flag in (
            *FLAGS,
            *flags,
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={size[0]},{size[1]}",
        ):
            options.add_argument(flag)
        env = {**os.environ, "SE_OFFLINE": "true", "HOME": str(folder)}
        service = Service(executable_path=driver, env=env, log_output=str(folder / "driver.log"))
        browser = webdriver.Chrome(options=options, service=service)
        stack.callback(browser.quit)
        browser.set_script_timeout(SCRIPT_TIMEOUT)
        browser.set_page_load_timeout(START_TIMEOUT)
        yield browser


def _program(variable: str, *names: str) -> str:
    named = os.environ.get(variable)
    found = named or next((path for name in names if (path := shutil.which(name))), None)
    assert found, (
        f"there is no {' or '.join(names)} on PATH, and these tests drive a real Chromium:"
        f" apt-get install chromium chromium-driver, or name the programs in {CHROMIUM_ENV} and {DRIVER_ENV}"
    )
    return found
