from collections.abc import Iterator

import pytest

from darkroom_client import Darkroom, Retries
from darkroom_client.testing import Server

QUICK = Retries(tries=4, first=0.002, longest=0.01, longest_asked=5)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def client(server: Server) -> Iterator[Darkroom]:
    with Darkroom(f"{server.url}/prod/", "the-key-of-the-tests", retries=QUICK, timeout=5) as client:
        yield client
