"""The client for asyncio."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from darkroom_client.arguments import DEFAULT_PREFIX, metadata
from darkroom_client.client import unwatched
from darkroom_client.connection import Connection
from darkroom_client.flows import Flows, Watch
from darkroom_client.models import Accepted, Status, Task
from darkroom_client.retrying import Retries
from darkroom_client.saving import whole_file
from darkroom_client.steps import Ask, Flow, Lost, Pause, Reply, Save, Step


class AsyncDarkroom:
    """A deployment's API. Tasks of one loop may share one; close it, or use it with `async with`."""

    def __init__(
        self,
        endpoint: str,
        api_key: str,
        *,
        retries: Retries | None = None,
        timeout: float = 30.0,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            endpoint: the stack's output `FrontApiEndpoint`.
            api_key: sent as `x-api-key`, never logged.
            retries: how patient it is.
            timeout: seconds that an answer may take.
            http: a client of your own, for proxies or certificates; you close it.

        Raises:
            BadArgumentError: endpoint or key cannot be one; the key would travel in the clear.
        """
        self._connection = Connection(endpoint, api_key)
        self._flows = Flows(retries or Retries(), timeout)
        self._http = http or httpx.AsyncClient(trust_env=self._connection.proxies)
        self._owned = http is None

    @classmethod
    def from_environment(cls) -> Self:
        """Make a client from `DARKROOM_ENDPOINT` and `DARKROOM_API_KEY`.

        Raises:
            BadArgumentError: one is missing.
        """
        connection = Connection.from_environment()
        return cls(connection.endpoint, connection.api_key)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._connection.endpoint!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close its connections."""
        if self._owned:
            await self._http.aclose()

    async def submit(
        self,
        content: Mapping[str, Any],
        *,
        runtime: str,
        tasktype: str,
        id: str | None = None,  # noqa: A002 - the API's word
        prefix: str = DEFAULT_PREFIX,
        context: Any = None,
        callback_url: str | None = None,
        expires_in: int | None = None,
    ) -> Accepted:
        """Submit a task; however often it has to be sent, it runs once.

        Args:
            content: what the runtime's own API takes.
            runtime: which runtime is to do it.
            tasktype: such as `text-to-image` or `pipeline`.
            id: of the task; a new one if none is given.
            prefix: folder of the outputs.
            context: any JSON, returned in notifications.
            callback_url: where a webhook goes.
            expires_in: seconds in which it has to start.

        Raises:
            ApiError: it was refused: `code` and `field` say why; `ConflictError` if the id is taken.
            NoAnswerError: the API was not reached.
        """
        routing = metadata(
            runtime=runtime,
            tasktype=tasktype,
            task_id=id,
            prefix=prefix,
            context=context,
            callback_url=callback_url,
            expires_in=expires_in,
        )
        return await self._run(self._flows.submit(content, routing))

    async def get(self, task_id: str) -> Task:
        """Look at a task.

        Raises:
            NotFoundError: there is none.
        """
        return await self._run(self._flows.get(task_id))

    async def wait(self, task_id: str, *, timeout: float | None = None, on_change: Watch = unwatched) -> Task:
        """Wait until a task has ended, however it did; `on_change` is told how it stands, and of changes.

        Raises:
            WaitTimeoutError: it goes on; `timeout` is in seconds, None is "as long as it takes".
            NotFoundError: there is none.
        """
        return await self._run(self._flows.wait(task_id, timeout, on_change))

    async def result(
        self, task_id: str, *, timeout: float | None = None, on_change: Watch = unwatched
    ) -> Task:
        """Wait for a task that has to succeed.

        Raises:
            TaskFailedError: it did not; `code` says why.
            WaitTimeoutError: it goes on.
            NotFoundError: there is none.
        """
        return await self._run(self._flows.result(task_id, timeout, on_change))

    async def cancel(self, task_id: str) -> Task:
        """Cancel a task; one that runs is interrupted soon after, so it may still be shown as running.

        Raises:
            ConflictError: it has ended.
            NotFoundError: there is none.
        """
        return await self._run(self._flows.cancel(task_id))

    async def download(self, task: Task | str, folder: Path | str) -> "list[Path]":
        """Save the outputs of a task into a folder; each file is there as a whole or not at all.

        Raises:
            DownloadError: an output could not be fetched.
        """
        return await self._run(self._flows.download(task, Path(folder)))

    async def list(
        self,
        *,
        runtime: str | None = None,
        status: Status | str | None = None,
        page_size: int | None = None,
    ) -> AsyncIterator[Task]:
        """List tasks, newest first, without URLs; pages of 1 to 100 tasks are fetched as they are needed."""
        cursor = None
        while True:
            flow = self._flows.page(runtime=runtime, status=status, limit=page_size, cursor=cursor)
            page = await self._run(flow)
            for task in page.tasks:
                yield task
            cursor = page.cursor
            if cursor is None:
                return

    async def _run[T](self, flow: Flow[T]) -> T:
        reply: Reply | None = None
        while True:
            try:
                step = flow.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            reply = await self._do(step)

    async def _do(self, step: Step) -> Reply | None:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        try:
            return await (self._ask(step) if isinstance(step, Ask) else self._save(step))
        except httpx.RequestError as exc:
            return Lost(type(exc).__name__)

    async def _ask(self, step: Ask) -> httpx.Response:
        return await self._http.request(
            step.method,
            self._connection.url(step.path),
            params=step.params,
            headers=self._connection.headers(step.headers),
            json=step.body,
            timeout=step.timeout,
            follow_redirects=False,  # the key goes nowhere else
        )

    async def _save(self, step: Save) -> httpx.Response:
        async with self._http.stream("GET", step.url, timeout=step.timeout, follow_redirects=False) as answer:
            if answer.is_success:
                with whole_file(step.path) as file:
                    async for chunk in answer.aiter_bytes():
                        await asyncio.to_thread(file.write, chunk)
            return answer
