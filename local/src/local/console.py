"""The console's part of the system: what it is told, where it listens, and the token that opens it."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import SecretStr

from console.settings import AwsSource, RuntimeSource, Sources
from local.children import ChildSpec
from local.deployment import models_of
from local.errors import BadOptionError, StartError
from local.events import Report, warn
from local.home import Home
from local.keeper import Keeper, listening
from local.settings import CONSOLE_PORT
from local.sockets import LOOPBACK, free_port, is_free
from local.state import State
from local.warmup import warm_up_reading
from task_schema import RuntimeSpec

TOKEN_BYTES = 32
GRACE = 3.0  # seconds to end; pages that listen come back by themselves


def choose_port(wanted: int | None, *, option: str = "--console-port") -> int:
    """Return the port that the console is to have: `wanted`, or the usual one if it is free, or any other.

    Raises:
        BadOptionError: another program has the one that is wanted.
    """
    if wanted:
        if not is_free(wanted):
            raise BadOptionError(f"{option}: {LOOPBACK}:{wanted} is taken by another program")
        return wanted
    return CONSOLE_PORT if wanted is None and is_free(CONSOLE_PORT) else free_port()


def sources(state: State, runtimes: Sequence[RuntimeSpec]) -> Sources:
    """Return what the console is told about a system: whom to ask for what, and the API key."""
    return Sources(
        mode="local",
        endpoint=state.endpoint,
        api_key=SecretStr(state.api_key),
        runtimes=tuple(_runtime(runtime, state) for runtime in runtimes),
        unrouted_queue_url=state.unrouted_queue_url,
        aws=AwsSource(endpoint_url=state.aws_url, region=state.region),
        tasks_table=state.tasks_table,
        payload_bucket=state.payload_bucket,
        traces_url=state.traces_url,
    )


class Console:
    """The console of one system: a process that is kept up, at one address, with one token."""

    def __init__(
        self, home: Home, *, wanted_port: int | None, report: Report, changed: Callable[[], None]
    ) -> None:
        self.keeper: Keeper | None = None
        self._home = home
        self._wanted_port = wanted_port
        self._report = report
        self._changed = changed
        self._watch: asyncio.Task[None] | None = None

    async def start(self, told: Sources, spec: Callable[[int], ChildSpec]) -> str | None:
        """Start it, without waiting until it is there: whoever does not look at it shall not wait for it.

        Args:
            told: what it is told.
            spec: says how it is started on a port.

        Returns:
            The address that opens it; None where it could not be started, which was reported.
        """
        try:
            port = choose_port(self._wanted_port)
            token = self._hand_over(told)
            self.keeper = Keeper(spec(port), report=self._report, changed=self._changed, grace=GRACE)
            await self.keeper.start()
        except (BadOptionError, StartError) as exc:
            warn(self._report, f"there is no console: {exc}")
            return None
        self._watch = asyncio.create_task(self._look_after(self.keeper, port, told))
        return f"http://{LOOPBACK}:{port}/?token={token}"

    async def stop(self, *, hurry: asyncio.Event) -> None:
        """End it."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        if self.keeper is not None:
            await self.keeper.stop(hurry=hurry)

    async def _look_after(self, keeper: Keeper, port: int, told: Sources) -> None:
        try:
            await listening(keeper, port)
            await warm_up_reading(told.endpoint, told.api_key.get_secret_value())
        except StartError as exc:
            warn(self._report, f"there is no console: {exc}; log: {exc.log}")

    def _hand_over(self, told: Sources) -> str:
        """Write what it is told and a new token, for the user's eyes only; return the token.

        Into files, since other users of the machine can read a command line.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        try:
            _write(self._home.console_file, told.to_json())
            _write(self._home.console_token, token)
        except OSError as exc:
            raise StartError(f"it cannot be told where the system is: {exc}") from exc
        return token


def _runtime(runtime: RuntimeSpec, state: State) -> RuntimeSource:
    here = state.runtimes[runtime.name]
    return RuntimeSource(
        name=runtime.name,
        type=runtime.type,
        tasktypes=runtime.serves,
        models=models_of(runtime),
        queue_url=here.queue_url,
        metrics_url=f"{here.health_url}/metrics",
    )


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)  # its mode would stay
    path.touch(mode=0o600)
    path.write_text(text)
