"""Calls of the synchronous AWS SDK from the event loop, with its errors translated once.

boto3 has no asyncio; its clients are thread-safe, so one client of each service serves all calls, from a
thread pool that is larger than what the agent ever has in flight (see the ADR on boto3 in threads).
"""

import asyncio
import contextlib
import functools
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from botocore.exceptions import ClientError

from queue_agent.errors import ServiceError
from s3io.errors import SDK_ERRORS
from task_store import TableUnavailableError

log = logging.getLogger(__name__)

THREADS = 32
# Each thread may hold a connection to the same service.
MAX_POOL_CONNECTIONS = THREADS
# What the GPU has made is worth some waiting for AWS.
RETRY_DELAYS = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds


class AwsCalls:
    """Runs SDK calls in threads of its own, apart from those that decode pictures."""

    def __init__(self, threads: int = THREADS) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="aws")

    async def __call__[**P, T](self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call in a thread.

        Raises:
            ServiceError: for what the SDK raises; the libraries' own errors pass as they are.
        """
        loop = asyncio.get_running_loop()
        with _translated():
            return await loop.run_in_executor(self._pool, functools.partial(function, *args, **kwargs))

    async def abandonable[**P, T](self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call in a daemon thread of its own: for long polls, which nobody waits for at shutdown.

        Raises:
            ServiceError: as for any other call.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: BaseException | None) -> None:
            if answer.cancelled():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(cast("T", result))

        def call() -> None:
            result, error = None, None
            try:
                result = function(*args, **kwargs)
            except BaseException as exc:  # noqa: BLE001 - carried to whoever waits
                error = exc
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, result, error)

        threading.Thread(target=call, name="aws-poll", daemon=True).start()
        with _translated():
            return await answer

    def close(self) -> None:
        """Let go of the threads; calls under way end by their own time limits."""
        self._pool.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as exc:
        code = exc.response.get("Error", {}).get("Code", "unknown")
        raise ServiceError(f"{exc.operation_name} failed: {code}") from exc
    except TableUnavailableError as exc:
        raise ServiceError(str(exc)) from exc
    except SDK_ERRORS as exc:
        raise ServiceError(f"AWS call failed: {type(exc).__name__}: {exc}") from exc


class Persistence:
    """Repeats AWS calls that are safe to repeat.

    Args:
        delays: seconds before each further try.
        retried: told of each.
    """

    def __init__(
        self, delays: Sequence[float] = RETRY_DELAYS, *, retried: Callable[[], None] | None = None
    ) -> None:
        self._delays = delays
        self._retried = retried

    async def __call__[T](self, call: Callable[[], Awaitable[T]]) -> T:
        """Return what the call does.

        Raises:
            ServiceError: it still failed after the last delay.
        """
        for delay in self._delays:
            try:
                return await call()
            except ServiceError as exc:
                log.warning("trying again", extra={"action": "aws_retry", "cause": str(exc), "delay": delay})
                if self._retried is not None:
                    self._retried()
                await asyncio.sleep(delay)
        return await call()
