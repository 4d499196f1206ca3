"""The client for asyncio: the calls of `Darkroom`, which has them described, to be awaited."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
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


class AsyncDarkroom(Shell[httpx.AsyncClient]):
    """A deployment's API. Tasks of one loop may share one; close it, or use it with `async with`."""

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
        idempotency_key: str | None = None,
        **options: Unpack[TaskOptions],
    ) -> Accepted:
        """See `Darkroom.submit`."""
        return await self._run(self._flows.submit(new_task(content, options, idempotency_key)))

    async def submit_request(
        self, request: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> Accepted | AcceptedV1Alpha1:
        """See `Darkroom.submit_request`."""
        return await self._run(self._flows.submit_request(of_request(request, idempotency_key)))

    async def upload(self, source: Uploadable, *, content_type: str | None = None) -> str:
        """See `Darkroom.upload`."""
        return await self._run(self._flows.upload(Source.of(source), content_type))

    async def get(self, task_id: str) -> Task:
        """See `Darkroom.get`."""
        return await self._run(self._flows.get(task_id))

    async def wait(self, task_id: str, *, timeout: float | None = None, on_change: Watch = unwatched) -> Task:
        """See `Darkroom.wait`."""
        return await self._run(self._flows.wait(task_id, timeout, on_change))

    async def result(
        self, task_id: str, *, timeout: float | None = None, on_change: Watch = unwatched
    ) -> Task:
        """See `Darkroom.result`."""
        return await self._run(self._flows.result(task_id, timeout, on_change))

    async def cancel(self, task_id: str) -> Task:
        """See `Darkroom.cancel`."""
        return await self._run(self._flows.cancel(task_id))

    async def download(self, task: Task | str, folder: Path | str) -> "list[Path]":
        """See `Darkroom.download`."""
        return await self._run(self._flows.download(task, Path(folder)))

    async def list(
        self,
        *,
        runtime: str | None = None,
        status: Status | str | None = None,
        page_size: int | None = None,
    ) -> AsyncIterator[Task]:
        """See `Darkroom.list`."""
        cursor = None
        while True:
            flow = self._flows.page(runtime=runtime, status=status, limit=page_size, cursor=cursor)
            page = await self._run(flow)
            for task in page.tasks:
                yield task
            cursor = page.cursor
            if cursor is None:
                return

    @staticmethod
    def _new_http(*, proxies: bool) -> httpx.AsyncClient:
        return httpx.AsyncClient(trust_env=proxies)

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
            return await (self._save(step) if isinstance(step, Save) else self._send(step))
        except httpx.RequestError as exc:
            return Lost(type(exc).__name__)

    async def _send(self, step: Request, *, stream: bool = False) -> httpx.Response:
        body = await asyncio.to_thread(step.source.read) if isinstance(step, Put) else b""
        return await self._http.send(self._request(step, body), stream=stream, follow_redirects=False)

    async def _save(self, step: Save) -> httpx.Response:
        async with contextlib.aclosing(await self._send(step, stream=True)) as answer:
            if answer.is_success:
                with whole_file(step.path) as file:
                    async for chunk in answer.aiter_bytes():
                        await asyncio.to_thread(file.write, chunk)
            return answer
