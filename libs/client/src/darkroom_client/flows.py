"""What each call of the client does, in steps (`darkroom_client.steps`)."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from darkroom_client.answers import error_of, read
from darkroom_client.arguments import NewTask, task_path
from darkroom_client.errors import (
    BadArgumentError,
    DarkroomError,
    DownloadError,
    TaskFailedError,
    UploadError,
    WaitTimeoutError,
)
from darkroom_client.models import Accepted, AcceptedV1Alpha1, Output, Status, Task, TaskPage, Upload
from darkroom_client.retrying import Retries, is_failure, retry_after, server_time
from darkroom_client.sources import Source
from darkroom_client.steps import Ask, Flow, Lost, Pause, Put, Reply, Save, ask

LONG_POLL = 20  # seconds; the API holds an answer back no longer
_READ_MARGIN = 10.0  # seconds that an answer may take beyond that
_SHORTEST_POLL = 1.0  # seconds from one poll to the next, where the API does not hold its answers back
_LONGEST_POLL = 5.0  # the same, after some polls
_DATE_GRAIN = 2.0  # seconds; a Date header has whole ones

type Watch = Callable[[Task], None]


@dataclass(frozen=True)
class Flows:
    """The calls.

    Attributes:
        retries: what to do when the API is busy or away.
        timeout: seconds that the API may take for an answer.
        clock: seconds of a clock that only goes forward.
    """

    retries: Retries = field(default_factory=Retries)
    timeout: float = 30.0
    clock: Callable[[], float] = time.monotonic

    def submit(self, new: NewTask) -> Flow[Accepted]:
        """Post a task of v1alpha2."""
        return read(Accepted, (yield from self._post(new)))

    def submit_request(self, new: NewTask) -> Flow[Accepted | AcceptedV1Alpha1]:
        """Post a task of either version."""
        answer = yield from self._post(new)
        if new.version == "v1alpha1":
            return read(AcceptedV1Alpha1, answer)
        return read(Accepted, answer)

    def _post(self, new: NewTask) -> Flow[httpx.Response]:
        """Post a task until the API has taken it, once; return the answer, good or bad.

        The API takes the same id and body again while the task has not ended. So if an answer was lost, it is
        asked first whether the task is there and has ended meanwhile: then another POST would run it again.
        """
        step = Ask("POST", new.version, self.timeout, headers=new.headers, body=new.body)
        began = self.clock()
        for failures in range(1, self.retries.tries + 1):
            reply = yield from ask(step)
            if not is_failure(reply):
                break
            yield Pause(self._pause(failures, reply))
            if _may_have_arrived(reply):
                found = yield from self._ended_since(new.id, began)
                if found is not None:
                    return _accepted(found, new)
        return _answer(reply)

    def get(self, task_id: str) -> Flow[Task]:
        """Look at a task."""
        return read(Task, (yield from self._exchange(self._look(task_id))))

    def wait(self, task_id: str, timeout: float | None, watch: Watch) -> Flow[Task]:
        """Look at a task until it has ended; `watch` is told of each change."""
        deadline = None if timeout is None else self.clock() + timeout
        seen: Task | None = None
        etag: str | None = None
        gap = _SHORTEST_POLL
        while True:
            left = float("inf") if deadline is None else deadline - self.clock()
            if left <= 0 and seen is not None:
                raise WaitTimeoutError(task_id, timeout or 0.0, seen)
            asked = self.clock()
            step = self._look(task_id, left=max(0.0, left), etag=etag)
            answer = yield from self._exchange(step, deadline=deadline, late=(task_id, timeout, seen))
            if answer.status_code != 304:
                seen, etag = read(Task, answer), answer.headers.get("etag")
                watch(seen)
                if seen.ended:
                    return seen
            pause = self._until_next_poll(self.clock() - asked, gap, answer, seen)
            gap = min(_LONGEST_POLL, gap * 1.5) if pause else _SHORTEST_POLL
            if pause:
                left = float("inf") if deadline is None else max(0.0, deadline - self.clock())
                yield Pause(min(pause, left))

    def result(self, task_id: str, timeout: float | None, watch: Watch) -> Flow[Task]:
        """Wait for a task that has to succeed."""
        task = yield from self.wait(task_id, timeout, watch)
        if task.status is not Status.SUCCEEDED:
            raise TaskFailedError(task)
        return task

    def cancel(self, task_id: str) -> Flow[Task]:
        """Cancel a task; if the answer of an earlier try was lost, that may be what has ended it."""
        doubtful = False
        for failures in range(1, self.retries.tries + 1):
            reply = yield from ask(Ask("DELETE", task_path(task_id), self.timeout))
            if not is_failure(reply):
                break
            doubtful = doubtful or _may_have_arrived(reply)
            yield Pause(self._pause(failures, reply))
        answer = _answer(reply)
        if answer.status_code == 409 and doubtful:
            task = yield from self.get(task_id)
            if task.status is Status.CANCELLED:
                return task
        return read(Task, answer)

    def page(
        self, *, runtime: str | None, status: str | None, limit: int | None, cursor: str | None
    ) -> Flow[TaskPage]:
        """Get one page of the list, newest first."""
        asked = {"runtime": runtime, "status": status, "limit": limit, "cursor": cursor}
        params = {name: str(value) for name, value in asked.items() if value is not None}
        step = Ask("GET", "v1alpha2/tasks", self.timeout, params=params)
        return read(TaskPage, (yield from self._exchange(step)))

    def download(self, task: Task | str, folder: Path) -> Flow[list[Path]]:
        """Save the outputs of a task; addresses that have run out are asked for anew."""
        shown = (yield from self.get(task)) if isinstance(task, str) else task
        if any(output.url is None for output in shown.images):
            shown = yield from self.get(shown.id)
        paths = _places(shown, folder)
        for number, path in enumerate(paths):
            answer = yield from self._save(shown.images[number], path)
            if answer.status_code == 403:
                again = yield from self.get(shown.id)
                if again.submission != shown.submission:
                    raise DownloadError(f"the id {shown.id} has gone to another task meanwhile")
                shown = again
                answer = yield from self._save(shown.images[number], path)
            if not answer.is_success:
                raise DownloadError(f"{shown.images[number].s3}: the store answered {answer.status_code}")
        return paths

    def upload(self, source: Source, content_type: str | None) -> Flow[str]:
        """Ask where bytes may be put, put them there, and return what stands for them in requests."""
        kind = content_type or source.content_type
        body = {"size": source.size} if kind is None else {"size": source.size, "content_type": kind}
        step = Ask("POST", "v1alpha2/uploads", self.timeout, body=body)
        to = read(Upload, (yield from self._exchange(step)))
        put = Put(to.url, to.headers, source, self.timeout)
        answer = yield from self._stored(put, lambda why: UploadError(f"{to.reference}: {why}"))
        if not answer.is_success:
            raise UploadError(f"{to.reference}: the store answered {answer.status_code}")
        return to.reference

    def _save(self, output: Output, path: Path) -> Flow[httpx.Response]:
        if output.url is None:
            raise DownloadError(f"{output.s3}: the API gives no address for it")
        step = Save(output.url, path, self.timeout)
        return (yield from self._stored(step, lambda why: DownloadError(f"{output.s3}: {why}")))

    def _stored(self, step: Save | Put, failed: Callable[[str], DarkroomError]) -> Flow[httpx.Response]:
        """Ask the store until it answers; `failed` makes the error where it does not."""
        for failures in range(1, self.retries.tries + 1):
            reply = yield from ask(step)
            if not is_failure(reply):
                break
            pause = self.retries.pause(failures, reply)
            if pause is None:
                raise failed(
                    reply.reason if isinstance(reply, Lost) else f"the store answered {reply.status_code}"
                )
            yield Pause(pause)
        return _answer(reply)

    def _look(self, task_id: str, *, left: float | None = None, etag: str | None = None) -> Ask:
        """Make the request for a task; `left` are the seconds that there are to wait for a change."""
        wait = 0 if left is None else int(min(LONG_POLL, left))
        longest = max(self.timeout, wait + _READ_MARGIN)
        return Ask(
            "GET",
            task_path(task_id),
            self.timeout if left is None else min(longest, left + _READ_MARGIN),
            params={"wait": str(wait)} if wait else {},
            headers={"if-none-match": etag} if etag else {},
        )

    def _exchange(
        self,
        step: Ask,
        *,
        deadline: float | None = None,
        late: tuple[str, float | None, Task | None] | None = None,
    ) -> Flow[httpx.Response]:
        """Ask until there is an answer; where a pause would pass the deadline, the time is over."""
        failures = 0
        while True:
            reply = yield from ask(step)
            if not isinstance(reply, Lost) and not is_failure(reply):
                return reply
            failures += 1
            pause = self._pause(failures, reply)
            if deadline is not None and late is not None and self.clock() + pause > deadline:
                task_id, timeout, seen = late
                raise WaitTimeoutError(task_id, timeout or 0.0, seen) from error_of(reply)
            yield Pause(pause)

    def _pause(self, failures: int, reply: Reply) -> float:
        pause = self.retries.pause(failures, reply)
        if pause is None:
            raise error_of(reply)
        return pause

    def _until_next_poll(self, spent: float, gap: float, answer: httpx.Response, seen: Task | None) -> float:
        """Return the pause before the next poll: none where the API held its answer back.

        A task far back in the queue is left alone for half of the time that the API expects.
        """
        asked = retry_after(answer)
        if asked is not None and asked > LONG_POLL and seen is not None and seen.status is Status.QUEUED:
            return min(asked / 2, self.retries.longest) * self.retries.chance.uniform(0.8, 1.0)
        return max(0.0, gap * self.retries.chance.uniform(0.8, 1.2) - spent)

    def _ended_since(self, task_id: str, began: float) -> Flow[Task | None]:
        """Return the task if it was recorded since then and has ended: both by the API's own clock."""
        reply = yield from ask(self._look(task_id))
        now = None if isinstance(reply, Lost) else server_time(reply)
        if isinstance(reply, Lost) or now is None or reply.status_code != 200:
            return None
        try:
            task = read(Task, reply)
        except DarkroomError:
            return None
        age = (now - task.created_at).total_seconds()
        return task if task.ended and age <= self.clock() - began + _DATE_GRAIN else None


def _answer(reply: Reply) -> httpx.Response:
    if isinstance(reply, Lost):
        raise error_of(reply)
    return reply


def _may_have_arrived(reply: Reply) -> bool:
    return isinstance(reply, Lost) or reply.status_code >= 500


def _accepted(task: Task, new: NewTask) -> httpx.Response:
    """Return the answer that was lost, as far as it can be known."""
    known = {"id_task": task.id, "output_location": task.output_location}
    if new.version == "v1alpha1":
        asked = new.body["alwayson_scripts"].get("sd_model_checkpoint")
        return httpx.Response(200, json={**known, "sd_model_checkpoint": str(asked)})
    return httpx.Response(200, json={**known, "id": task.id, "runtime": task.runtime})


def _places(task: Task, folder: Path) -> list[Path]:
    """Return where the outputs go: their names are the system's, and still stay within the folder."""
    names = [output.name for output in task.images]
    for name in names:
        if name in {"", ".", ".."} or "\\" in name or "\0" in name:
            raise DownloadError(f"task {task.id} has an output without a usable name")
    if len(set(names)) != len(names):
        raise BadArgumentError(f"task {task.id} has outputs of one name")
    return [folder / name for name in names]
