"""Load on a deployment: users that post tasks, and how long each takes from POST to notification.

    locust -f tests/load/locustfile.py --headless --users 20 --spawn-rate 5 --run-time 1m --host <endpoint>

Two lines in locust's statistics: `POST v1alpha2` is the API's answer, `END <runtime>` the time from POST to
the notification of the task's end. What docs/operate/load-test.md says is what this reads.
"""

import logging
import os
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import boto3
import gevent  # type: ignore[import-untyped]  # it has no types
from botocore.config import Config
from locust import HttpUser, constant_throughput, events, task
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from tests.load.told import Ended, listening

TOPIC_VARIABLE = "DARKROOM_NOTIFICATIONS_TOPIC"
KEY_VARIABLE = "DARKROOM_API_KEY"
DRAIN_SECONDS = 120.0  # that tasks in flight may take when the run is over
_TICK = 0.2  # seconds


@dataclass
class Flight:
    """Tasks that were accepted and have not ended yet: when each was posted, in monotonic seconds."""

    posted: dict[str, float] = field(default_factory=dict)
    early: dict[str, Ended] = field(default_factory=dict)
    runtime: str = "sdruntime"


log = logging.getLogger(__name__)

FLIGHT = Flight()
CLEANUP = ExitStack()


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # locust has no types there
def options(parser: Any) -> None:
    """Add the options of this test."""
    add = parser.add_argument
    add("--api-key", env_var=KEY_VARIABLE, default="", is_secret=True, help=f"x-api-key; or {KEY_VARIABLE}")
    add("--runtime", env_var="DARKROOM_RUNTIME", default="sdruntime", help="which runtime is to work")
    add(
        "--topic",
        env_var=TOPIC_VARIABLE,
        default="",
        help="ARN of the notifications topic; empty: no END line",
    )
    add("--steps", type=int, default=16, help="sampling steps of a picture")
    add("--side", type=int, default=512, help="pixels of a picture's sides")
    add("--rate", type=float, default=1.0, help="requests a second of each user")
    add("--drain", type=float, default=DRAIN_SECONDS, help="seconds to wait for tasks in flight at the end")


@events.init.add_listener  # type: ignore[untyped-decorator]  # the same
def set_clock(environment: Environment, **_: Any) -> None:
    """Let --run-time count from now: gevent's clock stands still since before all was imported."""
    gevent.get_hub().loop.update_now()


@events.test_start.add_listener  # type: ignore[untyped-decorator]  # locust has no types there
def open_ears(environment: Environment, **_: Any) -> None:
    """Subscribe, where a topic is named; once in all, however many workers there are."""
    asked = _options(environment)
    FLIGHT.runtime = asked.runtime
    if not asked.api_key:
        log.error("--api-key or %s is missing", KEY_VARIABLE)
        environment.process_exit_code = 2
        if environment.runner is not None:
            environment.runner.quit()
        return
    if not asked.topic:
        return
    if isinstance(environment.runner, (MasterRunner, WorkerRunner)):
        log.error("--topic works in one process only: leave --master, --worker and --processes out")
        environment.process_exit_code = 2
        environment.runner.quit()
        return
    sqs, sns = (_client(service, asked.topic.split(":")[3]) for service in ("sqs", "sns"))

    def heard(ended: Ended) -> None:
        if not ended.task_id.startswith("load-"):
            return
        start = FLIGHT.posted.pop(ended.task_id, None)
        if start is None:
            FLIGHT.early[ended.task_id] = ended
        else:
            _tell(environment, ended, start)

    CLEANUP.enter_context(listening(sqs, sns, asked.topic, heard))


@events.test_stop.add_listener  # type: ignore[untyped-decorator]  # locust has no types there
def close_ears(environment: Environment, **_: Any) -> None:
    """Wait for what is in flight, count what never came as failed, and unsubscribe."""
    asked = _options(environment)
    with CLEANUP.pop_all():
        deadline = time.monotonic() + asked.drain
        while FLIGHT.posted and time.monotonic() < deadline:
            time.sleep(_TICK)
        for task_id, start in list(FLIGHT.posted.items()):
            lost = Ended(task_id, succeeded=False, code="not heard of", at=time.monotonic())
            _tell(environment, lost, start)
    FLIGHT.posted.clear()
    FLIGHT.early.clear()


class Application(HttpUser):
    """An application that posts text-to-image tasks at a steady rate."""

    def wait_time(self) -> float:
        """Return the pause that makes the rate."""
        pause: float = constant_throughput(_options(self.environment).rate)(self)
        return pause

    @task
    def text_to_image(self) -> None:
        """Post one task with an id of its own."""
        asked = _options(self.environment)
        task_id = f"load-{secrets.token_hex(8)}"
        metadata = {"id": task_id, "runtime": asked.runtime, "tasktype": "text-to-image", "prefix": "load"}
        content = {
            "prompt": "a lighthouse at dusk",
            "steps": asked.steps,
            "width": asked.side,
            "height": asked.side,
            "seed": secrets.randbelow(1 << 31),
        }
        url = f"{(self.host or '').rstrip('/')}/v1alpha2"
        start = time.monotonic()
        with self.client.post(
            url,
            json={"task": {"metadata": metadata, "content": content}},
            headers={"x-api-key": asked.api_key},
            name="v1alpha2",
            catch_response=True,
        ) as answer:
            if answer.status_code != 200:
                answer.failure(f"{answer.status_code}: {answer.text[:120] if answer.text else answer.error}")
                return
        ended = FLIGHT.early.pop(task_id, None)
        if ended is not None:
            _tell(self.environment, ended, start)
        elif asked.topic:
            FLIGHT.posted[task_id] = start


def _options(environment: Environment) -> Any:
    return environment.parsed_options


def _tell(environment: Environment, ended: Ended, start: float) -> None:
    """Put a task's end into locust's statistics."""
    fire: Callable[..., None] = environment.events.request.fire
    fire(
        request_type="END",
        name=FLIGHT.runtime,
        response_time=(ended.at - start) * 1000,
        response_length=0,
        exception=None if ended.succeeded else RuntimeError(ended.code or "failed"),
        context={},
    )


def _client(service: str, region: str) -> Any:
    return boto3.client(
        service,
        region_name=os.environ.get("AWS_REGION") or region,
        config=Config(retries={"mode": "standard"}),
    )
