"""The local system: starts its parts in the order of their needs, keeps them up, ends them in reverse."""

import asyncio
import os
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Any

from local.aftercare import (
    Expiry,
    apply_method_throttles,
    apply_time_to_live,
    expiries,
    functions,
    physical_ids,
    remove_expired,
    set_function_environment,
    wake_pollers,
)
from local.artifacts import Artifacts
from local.clients import Clients
from local.console import Console, choose_port, sources
from local.deploy import Deployer
from local.deployment import LocalConfig, read_config_file
from local.errors import BadOptionError, StartError, SystemFailedError
from local.events import Report, ignore, note, step, warn
from local.home import Home
from local.keeper import Keeper, listening
from local.kubelet import Kubelet
from local.lock import RunLock
from local.ministack import REGION, MiniStack
from local.programs import Programs
from local.settings import Settings, Timing
from local.sockets import LOOPBACK, free_port, free_udp_port, is_free
from local.stack import StackOutputs, api_key
from local.state import RuntimeState, State
from local.synthesis import Assembly, assembly
from local.warmup import warm_up
from task_schema import RuntimeSpec

EXPIRY_INTERVAL = 3600.0  # seconds between two looks for objects that have lived long enough
AGENT_GRACE = 10.0  # seconds that an agent gets to give back what it has in hand, after its own grace period
SKETCH_GRACE = 5.0  # seconds
TRACES_GRACE = 5.0  # seconds
RESTART_GRACE = 2.0  # seconds; a sketch that is to be restarted may hang
# Settings of functions that only a system on one machine may have.
LOCAL_FUNCTION_SETTINGS = {"INSECURE_CALLBACKS": "true"}
TRACE_DAEMON_ENV = "AWS_XRAY_DAEMON_ADDRESS"  # Lambda sets it in the cloud


@dataclass(frozen=True)
class Deployed:
    """What the deployment came to."""

    stack: StackOutputs
    key: str
    rules: list[Expiry]


class System:
    """One local system, as an async context manager: entered it is ready, left it is gone.

    Use it from the main thread (`local.children` says why). `hurry` may be set at any time to end what is
    being ended without patience.
    """

    def __init__(
        self,
        *,
        home: Home,
        environ: Mapping[str, str],
        settings: Settings | None = None,
        report: Report = ignore,
    ) -> None:
        self.hurry = asyncio.Event()
        self._home = home
        self._environ = environ
        self._settings = settings or Settings()
        self._kubelet = Kubelet(report)
        self._report = report
        self._lock = RunLock(home)
        self._emulator: MiniStack | None = None
        self._traces: Keeper | None = None
        self._traces_url: str | None = None
        self._trace_daemon: str | None = None
        self._console: Console | None = None
        self._sketches: dict[str, Keeper] = {}
        self._agents: dict[str, Keeper] = {}
        self._expiry: asyncio.Task[None] | None = None
        self._state: State | None = None
        self._queues: tuple[str, ...] = ()
        self._health_urls: dict[str, str] = {}

    async def __aenter__(self) -> State:
        """Start everything; return what is needed to use it.

        Raises:
            LocalError: it could not be started; what had been started is ended again.
        """
        config_text, config = read_config_file(self._settings.config)
        self._settings.check([runtime.name for runtime in config.runtimes])
        timing = self._settings.timing or Timing.from_environment(self._environ)
        artifacts = Artifacts.find(self._home, self._environ)
        self._home.prepare()
        self._lock.acquire()
        try:
            self._home.empty_run()
            programs = Programs(self._home, artifacts, self._environ, self._settings, timing)
            programs = await self._start_traces(programs)
            return await self._start(programs, config_text, config)
        except BaseException:
            await self._stop()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        step(self._report, "Ending queue agents, runtimes and emulator")
        await self._stop()

    async def failed(self) -> SystemFailedError:
        """Wait until a part that cannot be replaced has ended; return an error that says so."""
        assert self._emulator is not None, "the system is not up"
        code = await self._emulator.wait()
        return SystemFailedError(
            f"the AWS emulator ended (exit code {code}), and what it kept is lost",
            log=self._home.log("ministack"),
        )

    async def _start(self, programs: Programs, config_text: str, config: LocalConfig) -> State:
        artifacts = programs.artifacts
        if self._settings.console:
            choose_port(self._settings.console_port)  # what is wrong with it is told before anything starts
        self._emulator = MiniStack(
            command=artifacts.ministack, home=self._home, environ=self._environ, port=self._api_port()
        )
        step(self._report, "Starting the AWS emulator and the runtimes")
        made, urls, _ = await together(
            assembly(
                home=self._home,
                artifacts=artifacts,
                config=config_text,
                environ=self._environ,
                report=self._report,
            ),
            self._start_runtimes(programs, config),
            self._emulator.start(),
        )
        step(self._report, "Deploying the dispatch stack")
        clients = Clients(self._emulator.url)
        deployed = await asyncio.to_thread(
            deploy, clients, made, config.stack, trace_daemon=self._trace_daemon
        )
        self._queues = tuple(deployed.stack.queues.values())
        step(self._report, "Starting the queue agents and warming up the API")
        endpoint = deployed.stack.endpoint(self._emulator.url)

        async def agents_and_console() -> State:
            await self._start_agents(programs, config, urls, deployed.stack)
            state = self._describe(programs, config, urls, deployed, endpoint)
            return await self._start_console(programs, config, state)

        state, *_ = await together(agents_and_console(), warm_up(endpoint, deployed.key), self._tracing())
        self._expiry = asyncio.create_task(self._expire(clients, deployed.rules))
        self._state = state.model_copy(update={"processes": self._processes()})
        self._state.save(self._home)
        return self._state

    def _api_port(self) -> int:
        port = self._settings.api_port
        if port and not is_free(port):
            raise BadOptionError(f"--port: {LOOPBACK}:{port} is taken by another program")
        return port or free_port()

    async def _start_runtimes(self, programs: Programs, config: LocalConfig) -> dict[str, str]:
        """Start sketches where no real runtime is named; return the URL of each runtime."""
        urls = dict(self._settings.runtimes)
        ports: dict[str, int] = {}
        for runtime in config.runtimes:
            if runtime.name in urls:
                note(self._report, f"{runtime.name} is served by {urls[runtime.name]}")
                continue
            ports[runtime.name] = free_port()
            urls[runtime.name] = f"http://{LOOPBACK}:{ports[runtime.name]}"
            spec = programs.sketch(runtime, ports[runtime.name])
            keeper = Keeper(spec, report=self._report, changed=self._refresh, grace=SKETCH_GRACE)
            self._sketches[runtime.name] = keeper
            await keeper.start()
        await together(*(listening(self._sketches[name], port) for name, port in ports.items()))
        return urls

    async def _start_traces(self, programs: Programs) -> Programs:
        """Start the trace store, and return programs that send there, or where the settings say."""
        elsewhere = self._settings.otlp
        if not self._settings.traces:
            return replace(programs, otlp_endpoint=elsewhere)
        port, udp_port = free_port(), free_udp_port()
        self._traces_url = f"http://{LOOPBACK}:{port}"
        self._trace_daemon = f"{LOOPBACK}:{udp_port}"
        spec = programs.traces(port, udp_port)
        self._traces = Keeper(spec, report=self._report, changed=self._refresh, grace=TRACES_GRACE)
        await self._traces.start()
        return replace(programs, otlp_endpoint=elsewhere or self._traces_url)

    async def _tracing(self) -> None:
        """Wait until the trace store is there; the system is as good without it."""
        if self._traces is None or self._traces_url is None:
            return
        port = int(self._traces_url.rpartition(":")[2])
        try:
            await listening(self._traces, port)
        except StartError as exc:
            warn(self._report, f"nothing is traced: {exc}; log: {exc.log}")

    async def _start_console(self, programs: Programs, config: LocalConfig, state: State) -> State:
        """Start the console, and return the state with its address; the system is as good without it."""
        if not self._settings.console:
            return state
        self._console = Console(
            self._home, wanted_port=self._settings.console_port, report=self._report, changed=self._refresh
        )
        url = await self._console.start(sources(state, config.runtimes), programs.console)
        return state.model_copy(update={"console_url": url})

    async def _start_agents(
        self, programs: Programs, config: LocalConfig, urls: Mapping[str, str], stack: StackOutputs
    ) -> None:
        assert self._emulator is not None, "agents need the emulator"
        for runtime in config.runtimes:
            name, health_port = runtime.name, free_port()
            self._health_urls[name] = f"http://{LOOPBACK}:{health_port}"
            spec = programs.agent(runtime, urls[name], stack, self._emulator.url, health_port)
            grace = programs.timing.shutdown_grace_seconds + AGENT_GRACE
            keeper = Keeper(spec, report=self._report, changed=self._refresh, grace=grace)
            self._agents[name] = keeper
            sketch = self._sketches.get(name)
            restart = partial(sketch.restart, grace=RESTART_GRACE) if sketch is not None else None
            self._kubelet.watch(name, self._home.restart_file(name), restart)
            await keeper.start()
        self._kubelet.start()

    async def _expire(self, clients: Clients, rules: list[Expiry]) -> None:
        while rules:
            try:
                await asyncio.to_thread(remove_expired, clients, rules)
            except Exception as exc:  # noqa: BLE001 - whatever it is, it must not end the system
                warn(self._report, f"expired objects could not be removed: {exc}")
            await asyncio.sleep(EXPIRY_INTERVAL)

    def _describe(
        self,
        programs: Programs,
        config: LocalConfig,
        urls: Mapping[str, str],
        deployed: Deployed,
        endpoint: str,
    ) -> State:
        assert self._emulator is not None, "there is nothing to describe"
        stack = deployed.stack

        def runtime_state(runtime: RuntimeSpec) -> RuntimeState:
            return RuntimeState(
                type=runtime.type,
                url=urls[runtime.name],
                sketch=runtime.name in self._sketches,
                queue_url=stack.queues[runtime.name],
                health_url=self._health_urls[runtime.name],
            )

        return State(
            pid=os.getpid(),
            started_at=time.time_ns() // 1_000_000,
            endpoint=endpoint,
            api_key=deployed.key,
            region=REGION,
            aws_url=self._emulator.url,
            requests_topic=stack.requests_topic,
            notifications_topic=stack.notifications_topic,
            output_bucket=stack.output_bucket,
            payload_bucket=stack.payload_bucket,
            tasks_table=stack.tasks_table,
            unrouted_queue_url=stack.unrouted_queue_url,
            validator_function=stack.validator_function,
            traces_url=self._traces_url,
            otlp_endpoint=programs.otlp_endpoint,
            runtimes={runtime.name: runtime_state(runtime) for runtime in config.runtimes},
            processes=self._processes(),
            logs=self._home.logs,
        )

    def _processes(self) -> dict[str, int]:
        keepers = [*self._sketches.values(), *self._agents.values()]
        if self._traces is not None:
            keepers.append(self._traces)
        if self._console is not None and self._console.keeper is not None:
            keepers.append(self._console.keeper)
        pids = {keeper.spec.name: keeper.pid for keeper in keepers}
        pids["ministack"] = self._emulator.pid if self._emulator is not None else None
        return {name: pid for name, pid in pids.items() if pid is not None}

    def _refresh(self) -> None:
        """Write down the processes again after one has been replaced."""
        if self._state is not None:
            self._state = self._state.model_copy(update={"processes": self._processes()})
            self._state.save(self._home)

    async def _stop(self) -> None:
        """End what runs, in reverse: agents give messages back while emulator and runtimes still answer."""
        self._state = None
        self._home.state_file.unlink(missing_ok=True)
        if self._expiry is not None:
            self._expiry.cancel()
            await asyncio.wait([self._expiry])
        await self._kubelet.stop()
        ends = [keeper.stop(hurry=self.hurry) for keeper in self._agents.values()]
        if self._console is not None:
            ends.append(self._console.stop(hurry=self.hurry))
        await asyncio.gather(*ends)
        await asyncio.gather(*(keeper.stop(hurry=self.hurry) for keeper in self._sketches.values()))
        if self._emulator is not None:
            if self._emulator.pid is not None:
                await asyncio.to_thread(wake_pollers, Clients(self._emulator.url), self._queues)
            await self._emulator.stop(hurry=self.hurry)
        if self._traces is not None:
            await self._traces.stop(hurry=self.hurry)
        self._lock.release()


def deploy(clients: Clients, made: Assembly, stack: str, *, trace_daemon: str | None = None) -> Deployed:
    """Deploy the stack and apply what the emulator leaves out.

    Raises:
        DeployError: it did not work.
    """
    outputs = StackOutputs.read(Deployer(clients).deploy(made, stack))
    template = made.template(stack)
    ids = physical_ids(clients, stack)
    apply_time_to_live(clients, template, ids)
    apply_method_throttles(clients, template, ids)
    daemon = {} if trace_daemon is None else {TRACE_DAEMON_ENV: trace_daemon}
    for function in functions(template, ids):
        lenient = function in (outputs.validator_function, outputs.webhooks_function)
        local = LOCAL_FUNCTION_SETTINGS if lenient else {}
        set_function_environment(clients, function, {**local, **daemon})
    return Deployed(outputs, api_key(clients, outputs.api_key_id), expiries(template, ids))


async def together(*work: Coroutine[Any, Any, Any]) -> Any:
    """Do several things at once; the first error cancels the others, and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
