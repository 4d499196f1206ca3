"""The client for code that waits."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import httpx

from darkroom_client.arguments import TaskOptions, new_task, of_request
from darkroom_client.flows import Watch
from darkroom_client.models import Accepted, AcceptedV1Alpha1, Status, Task
from darkroom_client.saving import whole_file
from darkroom_client.shell import Shell, unwatched
from darkroom_client.sources import Source, Uploadable
from darkroom_client.steps import Flow, Lost, Pause, Put, Reply, Request, Save, Step


class Darkroom(Shell[httpx.Client]):
    """A deployment's API. Threads may share one; close it, or use it with `with`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        if self._owned:
            self._http.close()

    def submit(
        self,
        content: Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        **options: Unpack[TaskOptions],
    ) -> Accepted:
        """Submit a task; however often it has to be sent, it runs once.

        Args:
            content: what the runtime's own API takes.
            idempotency_key: the same key and id mean the same task, ended or not, whatever the rest is;
                without one this call has a key of its own.
            options: `runtime` and `tasktype`; `id`, `prefix`, `context`, `callback_url`, `expires_in`, as
                `TaskOptions` says.

        Raises:
            ApiError: it was refused: `code` and `field` say why; `ConflictError` if the id is taken.
            NoAnswerError: the API was not reached.
        """
        return self._run(self._flows.submit(new_task(content, options, idempotency_key)))

    def submit_request(
        self, request: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> Accepted | AcceptedV1Alpha1:
        """Submit a whole request as the API takes it, of v1alpha2 or v1alpha1; else as `submit` does.

        Raises:
            BadArgumentError: it has no id.
            ApiError: it was refused.
            NoAnswerError: the API was not reached.
        """
        return self._run(self._flows.submit_request(of_request(request, idempotency_key)))

    def upload(self, source: Uploadable, *, content_type: str | None = None) -> str:
        """Upload an input; return the reference that stands for it in a task's content, for 30 days.

        Args:
            source: a path, bytes, or a file that is open for reading bytes.
            content_type: such as `image/png`; a path's follows from its name.

        Raises:
            BadArgumentError: it cannot be read, or is empty.
            ApiError: it was refused, such as one that is too large.
            UploadError: the store did not take it.
            NoAnswerError: the API was not reached.
        """
        return self._run(self._flows.upload(Source.of(source), content_type))

    def get(self, task_id: str) -> Task:
        """Look at a task.

        Raises:
            NotFoundError: there is none.
        """
        return self._run(self._flows.get(task_id))

    def wait(self, task_id: str, *, timeout: float | None = None, on_change: Watch = unwatched) -> Task:
        """Wait until a task has ended, however it did; `on_change` is told how it stands, and of changes.

        Raises:
            WaitTimeoutError: it goes on; `timeout` is in seconds, None is "as long as it takes".
            NotFoundError: there is none.
        """
        return self._run(self._flows.wait(task_id, timeout, on_change))

    def result(self, task_id: str, *, timeout: float | None = None, on_change: Watch = unwatched) -> Task:
        """Wait for a task that has to succeed.

        Raises:
            TaskFailedError: it did not; `code` says why.
            WaitTimeoutError: it goes on.
            NotFoundError: there is none.
        """
        return self._run(self._flows.result(task_id, timeout, on_change))

    def cancel(self, task_id: str) -> Task:
        """Cancel a task; one that runs is interrupted soon after, so it may still be shown as running.

        Raises:
            ConflictError: it has ended.
            NotFoundError: there is none.
        """
        return self._run(self._flows.cancel(task_id))

    def download(self, task: Task | str, folder: Path | str) -> "list[Path]":
        """Save the outputs of a task into a folder; each file is there as a whole or not at all.

        Raises:
            DownloadError: an output could not be fetched.
        """
        return self._run(self._flows.download(task, Path(folder)))

    def list(
        self,
        *,
        runtime: str | None = None,
        status: Status | str | None = None,
        page_size: int | None = None,
    ) -> Iterator[Task]:
        """List tasks, newest first, without URLs; pages of 1 to 100 tasks are fetched as they are needed."""
        cursor = None
        while True:
            flow = self._flows.page(runtime=runtime, status=status, limit=page_size, cursor=cursor)
            page = self._run(flow)
            yield from page.tasks
            cursor = page.cursor
            if cursor is None:
                return

    @staticmethod
    def _new_http(*, proxies: bool) -> httpx.Client:
        return httpx.Client(trust_env=proxies)

    def _run[T](self, flow: Flow[T]) -> T:
        reply: Reply | None = None
        while True:
            try:
                step = flow.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            reply = self._do(step)

    def _do(self, step: Step) -> Reply | None:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        try:
            return self._save(step) if isinstance(step, Save) else self._send(step)
        except httpx.RequestError as exc:
            return Lost(type(exc).__name__)

    def _send(self, step: Request, *, stream: bool = False) -> httpx.Response:
        body = step.source.read() if isinstance(step, Put) else b""
        return self._http.send(self._request(step, body), stream=stream, follow_redirects=False)

    def _save(self, step: Save) -> httpx.Response:
        with contextlib.closing(self._send(step, stream=True)) as answer:
            if answer.is_success:
                with whole_file(step.path) as file:
                    for chunk in answer.iter_bytes():
                        file.write(chunk)
            return answer
