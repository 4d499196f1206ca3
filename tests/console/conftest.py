from collections.abc import Generator, Iterator
from pathlib import Path

import httpx
import pytest
from selenium.webdriver import Chrome

from local.clients import Clients
from local.home import Home
from tests.console.browser import Browser
from tests.console.chromium import chromium
from tests.console.page import Page
from tests.e2e.listening import listening
from tests.e2e.running import running
from tests.e2e.user import User

# Short, so that the message of an agent that was killed is soon seen again.
AGENT = {"VISIBILITY_SECONDS": "6", "BEAT_SECONDS": "2"}


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give the folder of the system under test."""
    return Home(tmp_path_factory.mktemp("system"))


@pytest.fixture(scope="session")
def session_user(home: Home) -> Iterator[User]:
    """Give a user of a system that is up for all tests."""
    with running(home, seconds_per_image=0.2, agent=AGENT) as state:
        assert state.console_url, "the system has no console"
        clients = Clients(state.aws_url)
        with (
            httpx.Client(trust_env=False) as http,
            listening(clients, state.notifications_topic) as told,
        ):
            # Nothing that is published to the topic of requests is looked at: one ear is enough.
            yield User(state, clients, http, told, told)


@pytest.fixture
def user(session_user: User) -> Iterator[User]:
    """Give the user, and let no planned misbehaviour reach the next test."""
    yield session_user
    session_user.forget_plans()


@pytest.fixture(scope="session")
def driver() -> Iterator[Chrome]:
    """Give the browser that is open for all tests."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def session_browser(driver: Chrome, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """Give its tab."""
    return Browser(driver, tmp_path_factory.mktemp("downloads"))


@pytest.fixture
def kept_in(tmp_path: Path) -> Path:
    """Give the folder for what the browser showed where a test fails."""
    return tmp_path / "browser"


@pytest.fixture
def page(session_browser: Browser, user: User, kept_in: Path) -> Iterator[Page]:
    """Give the console's page to somebody who has just opened its address for the first time.

    At the end the page must have broken none of its own rules.
    """
    assert user.state.console_url is not None
    page = Page(session_browser, user.state.console_url)
    session_browser.close_others()
    session_browser.forget(page.origin)
    page.enter()
    yield page
    if session_browser.driver.current_url.startswith(page.origin):
        assert session_browser.bad == []
        assert session_browser.violations == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what the browser shows where a test fails."""
    report = yield
    given = getattr(item, "funcargs", {})
    if report.failed and "page" in given:
        kept = "\n".join(map(str, given["page"].browser.keep(given["kept_in"])))
        report.sections.append(("kept of the browser", kept))
    return report
