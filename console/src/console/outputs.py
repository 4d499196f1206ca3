"""What tasks made, fetched from the store: by presigned URLs that no page, log or message gets to see."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

from console.context import Context
from console.errors import RefusedError, UnavailableError
from console.shared import Shared
from darkroom_client import Output, Task

FRESH = 10.0  # seconds; a page that shows a task's pictures asks for all of them at once
_KEPT = 500  # tasks
_TIMEOUT = 20.0  # seconds of silence

type Pick = Callable[[Task], Output]


class Looks:
    """Looks at tasks. Of one that has ended, who asks within `FRESH` seconds gets the same answer."""

    def __init__(self, context: Context) -> None:
        self._api = context.api
        self._clock = context.clock
        self._seen: OrderedDict[str, tuple[float, Task]] = OrderedDict()
        self._shared: Shared[str, Task] = Shared()

    async def task(self, task_id: str, submission: str | None = None, *, anew: bool = False) -> Task:
        """Return a task as the API shows it, with its URLs.

        Args:
            task_id: its id.
            submission: which task of that id; None: the one that has it now.
            anew: ask the API, whatever is known.

        Raises:
            RefusedError: 404, the id belongs to another task by now.
            DarkroomError: the API refuses, or does not answer.
        """
        at, found = self._seen.get(task_id, (0.0, None))
        fresh = 0 <= self._clock() - at <= FRESH  # not where the clock was set back
        if found is None or anew or not fresh or submission not in {None, found.submission}:
            found = await self._shared.get(task_id, lambda: self._ask(task_id))
        if submission not in {None, found.submission}:
            raise RefusedError.of(404, "not_found", f"the id {task_id} belongs to another task by now")
        return found

    async def _ask(self, task_id: str) -> Task:
        task = await self._api.get(task_id)
        self._seen.pop(task_id, None)
        if task.ended:
            self._seen[task_id] = self._clock(), task
            while len(self._seen) > _KEPT:
                self._seen.popitem(last=False)
        return task


class Outputs:
    """Opens outputs of tasks."""

    def __init__(self, context: Context) -> None:
        self._http = context.http
        self.looks = Looks(context)

    @asynccontextmanager
    async def opened(
        self, task_id: str, submission: str | None, pick: Pick
    ) -> AsyncIterator[tuple[Output, httpx.Response]]:
        """Open an output: yield it, and the store's answer of success, whose body `aiter_raw` has.

        An address that has run out is asked for anew, once.

        Args:
            task_id: of the task.
            submission: which task of that id, where that is known.
            pick: takes the output; may raise `RefusedError`.

        Raises:
            RefusedError: there is no such output any more, or the store does not answer.
            DarkroomError: of the API.
        """
        output = pick(await self.looks.task(task_id, submission))
        answer = await open_output(self._http, output)
        if answer.status_code == 403:
            await answer.aclose()
            output = pick(await self.looks.task(task_id, submission, anew=True))
            answer = await open_output(self._http, output)
        try:
            _check(answer, output)
            yield output, answer
        except httpx.HTTPError as exc:
            raise _silent(output, exc) from None
        finally:
            await answer.aclose()


async def fetch(http: httpx.AsyncClient, output: Output, limit: int) -> bytes | None:
    """Return an output whole; None where it has more than `limit` bytes.

    Raises:
        RefusedError: it cannot be had.
    """
    answer = await open_output(http, output)
    try:
        _check(answer, output)
        return await read_all(answer.aiter_raw(), limit)
    except httpx.HTTPError as exc:
        raise _silent(output, exc) from None
    finally:
        await answer.aclose()


async def read_all(chunks: AsyncIterator[bytes], limit: int) -> bytes | None:
    """Return all that comes; None where that is more than `limit` bytes."""
    data = bytearray()
    async for chunk in chunks:
        data += chunk
        if len(data) > limit:
            return None
    return bytes(data)


async def open_output(http: httpx.AsyncClient, output: Output) -> httpx.Response:
    """Ask the store for an output and return its answer, good or bad, to be closed by the caller.

    Raises:
        UnavailableError: there is no answer, or no address to ask.
    """
    if output.url is None:
        raise UnavailableError(f"{output.s3}: the API gives no address for it")
    try:
        # Encoded ones would have to be decoded, within a limit: nothing of ours is stored like that.
        headers = {"accept": "*/*", "accept-encoding": "identity"}
        request = http.build_request("GET", output.url, headers=headers, timeout=_TIMEOUT)
        return await http.send(request, stream=True, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise _silent(output, exc) from None


def _check(answer: httpx.Response, output: Output) -> None:
    if answer.status_code == 404:
        raise RefusedError.of(404, "not_found", f"{output.s3}: there is no such object any more")
    if answer.status_code != 200:
        raise UnavailableError(f"{output.s3}: the store answered {answer.status_code}")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise UnavailableError(f"{output.s3}: the store sends it in an encoding that was not asked for")


def _silent(output: Output, error: Exception) -> UnavailableError:
    # The name of the error only: its message may have the URL, which is as good as a key.
    return UnavailableError(f"{output.s3}: the store does not answer: {type(error).__name__}")
