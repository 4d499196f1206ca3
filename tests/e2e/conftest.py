from collections.abc import Iterator

import httpx
import pytest

from local.clients import Clients
from local.home import Home
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
    with running(home, seconds_per_image=0.05, agent=AGENT) as state:
        clients = Clients(state.aws_url)
        with (
            httpx.Client(trust_env=False) as http,
            listening(clients, state.notifications_topic) as told,
            listening(clients, state.requests_topic) as published,
        ):
            yield User(state, clients, http, told, published)


@pytest.fixture
def user(session_user: User) -> Iterator[User]:
    """Give the user, and let no planned misbehaviour reach the next test."""
    yield session_user
    session_user.forget_plans()
