import subprocess
import sys

import pytest

from queue_agent.health import Health, HealthServer
from queue_agent.healthcheck import lives
from queue_agent.metrics import Metrics
from queue_agent.testing import FakeClock

HERE = "127.0.0.1"
PATIENCE = 1000.0  # seconds; longer than an event loop may hang


def test_an_agent_that_lives_is_healthy_until_it_hangs() -> None:
    clock = FakeClock()
    health = Health(clock=clock)
    server = HealthServer(0, health, Metrics("sdruntime"), host=HERE)
    server.start()
    environ = {"HEALTH_PORT": str(server.port)}
    try:
        assert lives(environ)
        clock.now += PATIENCE
        assert not lives(environ)
    finally:
        server.close()
    assert not lives(environ)  # nobody listens


@pytest.mark.parametrize(
    "environ", [{}, {"HEALTH_PORT": "0"}, {"HEALTH_PORT": "x"}, {"HEALTH_PORT": "99999"}]
)
def test_without_a_port_that_anybody_serves_it_is_not(environ: dict[str, str]) -> None:
    assert not lives(environ)


def test_the_exit_code_is_what_an_engine_looks_at() -> None:
    command = [sys.executable, "-m", "queue_agent.healthcheck"]
    assert subprocess.run(command, env={"HEALTH_PORT": "1"}, check=False).returncode == 1
