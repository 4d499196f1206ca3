"""A fake API over real HTTP that remembers tasks, and a console that is served in a thread: for tests."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import NAMESPACE_OID, uuid5

from pydantic import SecretStr

from console.app import Plan
from console.context import Beside, Context
from console.guard import MARK, Pass
from console.models import Glance
from console.page import Page
from console.server import listen, prepare
from console.settings import RuntimeSource, Sources
from console.watching import Pace
from darkroom_client import Task
from darkroom_client.testing import Say, Seen, Server, refusal

KEY = "key-that-nobody-may-see-1f0c"
BEGIN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SWIFT = Pace(busy=0.05, idle=0.1, trouble=0.1, glance=0.05)


def submission_of(task_id: str, generation: int = 0) -> str:
    """Return the submission that the fake gives to a task."""
    return str(uuid5(NAMESPACE_OID, f"{task_id}/{generation}"))


class FakeApi:
    """The API as far as the console asks it. Set `down` to have it break off, `refuses` to have it refuse.

    Put into `shows` what it says of a task that is asked for by its id, and into `lists` what it says once
    of a page of the list, by its cursor, or by its status where it has none.
    """

    def __init__(self) -> None:
        self.down = False
        self.refuses: Say | None = None
        self.shows: dict[str, Say] = {}
        self.lists: dict[str, Say] = {}
        self.listed = True  # whether the list has caught up
        self.searched = threading.Event()  # a list waits for it where it has found the last task
        self.searched.set()
        self.tasks: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._server = Server()
        self._server.script = self._answer

    @property
    def url(self) -> str:
        """Its endpoint."""
        return self._server.url

    @property
    def seen(self) -> list[Seen]:
        """What it was asked."""
        return self._server.seen

    def close(self) -> None:
        """End it."""
        self._server.close()

    def put(self, task_id: str, status: str = "queued", *, age: float = 0.0, **more: Any) -> dict[str, Any]:
        """Add or change a task; it was made `age` seconds before now."""
        with self._lock:
            known = self.tasks.get(task_id) or {
                "id": task_id,
                "submission": submission_of(task_id),
                "runtime": "sdruntime",
                "tasktype": "text-to-image",
                "created_at": (
                    BEGIN + timedelta(seconds=len(self.tasks)) - timedelta(seconds=age)
                ).isoformat(),
                "attempts": 0,
                "output_location": f"s3://out/output/{task_id}",
            }
            self.tasks[task_id] = {**known, "status": status, **more}
            return self.tasks[task_id]

    def drop(self, task_id: str) -> None:
        """Have a task be no more."""
        with self._lock:
            del self.tasks[task_id]

    def _answer(self, seen: Seen) -> Say:
        if self.down:
            return Say(drop=True)
        if self.refuses is not None:
            return self.refuses
        if seen.headers.get("x-api-key") != KEY:
            return Say(401, refusal("unauthorized", "no or wrong API key"))
        with self._lock:
            say = self._said(seen)
        if isinstance(say.body, dict) and say.body.get("cursor", "") is None:
            self.searched.wait(20)
        return say

    def _said(self, seen: Seen) -> Say:
        if (seen.method, seen.path) == ("POST", "/v1alpha2"):
            return self._accept(seen.body)
        if seen.path == "/v1alpha2/tasks":
            return self._list(seen.query)
        task_id = seen.path.removeprefix("/v1alpha2/tasks/")
        task = self.tasks.get(task_id)
        if task is None:
            return Say(404, refusal("not_found", "there is no such task"))
        if seen.method == "DELETE":
            if task["status"] not in ("queued", "running"):
                return Say(409, refusal("conflict", f"the task has ended: it is {task['status']}"))
            task["status"] = "cancelled"
            return Say(202, task)
        return self.shows.get(task_id) or Say(200, task)

    def _accept(self, body: Any) -> Say:
        metadata = body["task"]["metadata"]
        if metadata.get("runtime") != "sdruntime":
            return Say(400, refusal("unknown_runtime", "there is no such runtime", "task.metadata.runtime"))
        task_id = metadata["id"]
        self.tasks[task_id] = {
            "id": task_id,
            "submission": secrets.token_hex(8),
            "runtime": "sdruntime",
            "tasktype": metadata["tasktype"],
            "status": "queued",
            "created_at": (BEGIN + timedelta(days=1, seconds=len(self.tasks))).isoformat(),
            "attempts": 0,
            "output_location": f"s3://out/output/{task_id}",
        }
        at = f"s3://out/output/{task_id}"
        return Say(200, {"id_task": task_id, "id": task_id, "runtime": "sdruntime", "output_location": at})

    def _list(self, query: dict[str, str]) -> Say:
        wanted = query.get("status")
        said = self.lists.pop(query.get("cursor") or wanted or "", None)
        if said is not None:
            return said
        rows = [task for task in self.tasks.values() if self.listed and wanted in (None, task["status"])]
        rows.sort(key=lambda task: task["created_at"], reverse=True)
        start, limit = int(query.get("cursor", "0")), int(query.get("limit", "20"))
        end = start + limit
        return Say(200, {"tasks": rows[start:end], "cursor": str(end) if end < len(rows) else None})


@dataclass
class NoDetails:
    """The port `Details` for tests: what the console's memory has, and nothing else."""

    context: Context

    async def beside(self, task: Task) -> Beside:
        """Return what the memory has."""
        return Beside(self.context.submitted.request(task.id, task.submission), has_out=False, advice=None)

    def kind_of(self, name: str) -> Literal["image", "file"]:
        """PNG alone."""
        return "image" if name.endswith(".png") else "file"


@dataclass
class FakeGlances:
    """The port `Glances` for tests: says what it is given."""

    says: Glance | None = None
    asked: int = 0
    fails: bool = False

    async def read(self) -> Glance | None:
        """Return it."""
        self.asked += 1
        if self.fails:
            raise ValueError("a fault of ours")
        return self.says

    def close(self) -> None:
        """Hold nothing."""


def plan_of(glances: FakeGlances | None = None, *, pace: Pace = SWIFT) -> Plan:
    """Return a plan of the fakes."""
    told = glances or FakeGlances()
    return Plan(parts=(), details=NoDetails, glances=lambda _: told, pace=pace)


def sources_of(api: FakeApi, **more: Any) -> Sources:
    """Return sources with the fake as API."""
    runtime = RuntimeSource(
        name="sdruntime", type="sdwebui", tasktypes=("text-to-image",), models=("a.ckpt",)
    )
    given = {"mode": "local", "endpoint": api.url, "api_key": SecretStr(KEY), "runtimes": (runtime,), **more}
    return Sources.model_validate(given)


@dataclass(frozen=True)
class Running:
    """A console that is served: its address, and the headers of a page that was let in."""

    entry: Pass

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.entry.port}"

    @property
    def cookie(self) -> dict[str, str]:
        """The header with the cookie."""
        return {"Cookie": f"{self.entry.cookie}={self.entry.token}"}

    @property
    def headers(self) -> dict[str, str]:
        """The headers that the page sends."""
        return {**self.cookie, MARK: "1", "Origin": self.url, "Sec-Fetch-Site": "same-origin"}


@contextmanager
def serving(sources: Sources, page: Page, plan: Plan | None = None) -> Iterator[Running]:
    """Serve a console on a free port for as long as it is entered."""
    token = secrets.token_urlsafe(32)
    answers = threading.Event()
    with listen(0) as listener:
        entry = Pass(listener.getsockname()[1], token)
        server = prepare(
            sources, listener, token, page=page, plan=plan or plan_of(), announce=lambda _: answers.set()
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert answers.wait(20), "the console does not start"
            yield Running(entry)
        finally:
            server.should_exit = True
            thread.join()


def a_page(folder: Path) -> Page:
    """Return a page of a few bytes."""
    for name, text in {
        "index.html": '<!doctype html><script type="module" src="/assets/app.js"></script>',
        "app.js": "console.log('here');" * 100,
        "app.css": "body { color: black }",
        "icon.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
    }.items():
        (folder / name).write_text(text)
    return Page.of_folder(folder)
