"""Where chaos is played: the emulator with the deployed stack, proxies that spoil calls, pods to be killed.

A pod is a sketch runtime and the agent beside it, each a process that is started again whenever it ends. The
emulator is never killed: it keeps nothing on disk.
"""

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

import psutil

from local.aftercare import set_function_environment, wake_pollers
from local.artifacts import Artifacts
from local.children import ChildSpec
from local.clients import Clients
from local.deployment import packaged_config, read_config
from local.events import Event
from local.home import Home
from local.keeper import Backoff, Keeper
from local.kubelet import Kubelet
from local.ministack import MiniStack
from local.programs import Programs
from local.settings import Settings, Timing
from local.sockets import free_port, listens
from local.stack import StackOutputs
from local.synthesis import assembly
from local.system import deploy
from local.warmup import warm_up
from ministack_testing import RemoteProxy, proxy_process
from task_schema import RuntimeSpec
from tests.chaos.orders import one_colour

SERVICES = ("DYNAMODB", "SNS", "S3", "SQS")
# A process that ends is back soon: the chaos is about what is lost, not about waiting.
BACKOFF = Backoff(first=0.3, longest=5.0, healthy_after=3.0)
START_TIMEOUT = 60.0  # seconds
RESTART_GRACE = 1.0  # seconds


@dataclass(frozen=True)
class Plan:
    """What is put on the stage.

    Attributes:
        pods: how many for each runtime of the local configuration.
        seconds_per_image: of the sketches.
        timing: of the agents.
        inference_limit: seconds that a run may take.
        agent: more environment of the agents.
        sketch: more arguments of the sketches.
        proxied: whether agents and functions speak to the emulator through proxies.
    """

    pods: Mapping[str, int]
    seconds_per_image: float = 0.1
    timing: Timing = field(default_factory=lambda: Timing(visibility_seconds=6, beat_seconds=2.0))
    inference_limit: float = 30.0
    agent: Mapping[str, str] = field(default_factory=dict)
    sketch: tuple[str, ...] = ()
    proxied: bool = True


class Pod:
    """A runtime and its agent."""

    def __init__(self, name: str, runtime: RuntimeSpec, url: str, sketch: Keeper, agent: Keeper) -> None:
        self.name = name
        self.runtime = runtime
        self.url = url
        self.sketch = sketch
        self.agent = agent

    async def start(self) -> None:
        """Start the runtime, then the agent."""
        await self.sketch.start()
        port = int(self.url.rpartition(":")[2])
        async with asyncio.timeout(START_TIMEOUT):
            while not listens(port):
                await asyncio.sleep(0.05)
        await self.agent.start()

    async def stop(self) -> None:
        """End both."""
        if self.sketch.pid is not None:
            send(self.sketch.pid, signal.SIGCONT)  # it may be frozen
        await self.agent.stop()
        await self.sketch.stop()


class Stage:
    """Everything that is needed to play; an async context manager. Enter it from the main thread."""

    def __init__(self, home: Home, environ: Mapping[str, str], plan: Plan, *, seed: int = 0) -> None:
        self.home = home
        self.plan = plan
        self.pods: list[Pod] = []
        self.restarts: list[str] = []
        self._environ = environ
        self._seed = seed
        self._exits = AsyncExitStack()
        self.kubelet = Kubelet(self._told)

    async def __aenter__(self) -> Self:
        """Start everything and wait until it works."""
        try:
            await self._start()
        except BaseException:
            await self._exits.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        await self._exits.aclose()

    def functions(self) -> list[str]:
        """Return the names of the stack's functions."""
        functions = self.clients.client("lambda").list_functions()["Functions"]
        return [function["FunctionName"] for function in functions]

    def workers(self) -> list[int]:
        """Return the process ids of the emulator's Lambda workers."""
        assert self._emulator.pid is not None, "the emulator has ended"
        return [child.pid for child in psutil.Process(self._emulator.pid).children(recursive=True)]

    def agent_spec(self, runtime: RuntimeSpec, name: str, url: str) -> ChildSpec:
        """Return how an agent of a pod of that name is started."""
        spec = self._programs.agent(runtime, url, self.stack, self.aws_url, free_port())
        pod = self.home.pod(name)
        (pod / "state").mkdir(parents=True, exist_ok=True)
        env = {
            **spec.env,
            "RESTART_FILE": str(self.home.restart_file(name)),
            "STATE_DIR": str(self.home.agent_state(name)),
            "INFERENCE_LIMIT_SECONDS": f"{self.plan.inference_limit:g}",
            **self.plan.agent,
        }
        return replace(spec, name=f"agent-{name}", env=env, log=self.home.log(f"agent-{name}"))

    def sketch_spec(self, runtime: RuntimeSpec, name: str, port: int) -> ChildSpec:
        """Return how the sketch of a pod of that name is started. Its files outlive it, as on a real disk."""
        spec = self._programs.sketch(runtime, port)
        folder = self.home.pod(name) / "files"
        folder.mkdir(parents=True, exist_ok=True)
        command = (*spec.command, "--folder", str(folder), *self.plan.sketch)
        env = {**spec.env, "TMPDIR": str(folder)}
        return replace(
            spec, name=f"sketch-{name}", command=command, env=env, log=self.home.log(f"sketch-{name}")
        )

    async def _start(self) -> None:
        text = packaged_config()
        config = read_config(text)
        artifacts = Artifacts.find(self.home, self._environ)
        self.home.prepare()
        self.home.empty_run()
        settings = Settings(seconds_per_image=self.plan.seconds_per_image, console=False)
        self._programs = Programs(self.home, artifacts, self._environ, settings, self.plan.timing)
        made = await assembly(
            home=self.home, artifacts=artifacts, config=text, environ=self._environ, report=self._told
        )
        self._emulator = MiniStack(
            command=artifacts.ministack, home=self.home, environ=self._environ, port=free_port()
        )
        self._exits.push_async_callback(self._emulator.stop)
        await self._emulator.start()
        self.clients = Clients(self._emulator.url)
        deployed = await asyncio.to_thread(deploy, self.clients, made, config.stack)
        self.stack: StackOutputs = deployed.stack
        self.key = deployed.key
        self.endpoint = self.stack.endpoint(self._emulator.url)
        self._exits.push_async_callback(self._wake)
        self._prepare_proxies()
        await warm_up(self.endpoint, self.key)
        self.links = self._exits.enter_context(link_server())
        self.runtimes = {runtime.name: runtime for runtime in config.runtimes}
        self._exits.push_async_callback(self._stop_pods)
        await asyncio.gather(*(pod.start() for pod in self._make_pods()))
        self.kubelet.start()
        self._exits.push_async_callback(self.kubelet.stop)

    def _prepare_proxies(self) -> None:
        self.aws_url = self._emulator.url
        if not self.plan.proxied:
            return
        self.agent_proxy: RemoteProxy = self._exits.enter_context(
            proxy_process(self._emulator.url, seed=self._seed)
        )
        self.lambda_proxy: RemoteProxy = self._exits.enter_context(
            proxy_process(self._emulator.url, seed=self._seed + 1)
        )
        self.aws_url = self.agent_proxy.url
        # The emulator sets AWS_ENDPOINT_URL itself; that of a service goes before it.
        through_proxy = {f"AWS_ENDPOINT_URL_{service}": self.lambda_proxy.url for service in SERVICES}
        for function in self.functions():
            set_function_environment(self.clients, function, through_proxy)

    def _make_pods(self) -> list[Pod]:
        for runtime_name, count in self.plan.pods.items():
            for index in range(count):
                self.pods.append(self._make_pod(self.runtimes[runtime_name], f"{runtime_name}-{index}"))
        return self.pods

    def _make_pod(self, runtime: RuntimeSpec, name: str) -> Pod:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        grace = self.plan.timing.shutdown_grace_seconds + 10
        sketch = Keeper(
            self.sketch_spec(runtime, name, port),
            report=self._told,
            changed=_nothing,
            backoff=BACKOFF,
            grace=RESTART_GRACE,
        )
        agent = Keeper(
            self.agent_spec(runtime, name, url),
            report=self._told,
            changed=_nothing,
            backoff=BACKOFF,
            grace=grace,
        )
        self.kubelet.watch(name, self.home.restart_file(name), lambda: sketch.restart(grace=RESTART_GRACE))
        return Pod(name, runtime, url, sketch, agent)

    async def _stop_pods(self) -> None:
        await asyncio.gather(*(pod.stop() for pod in self.pods))

    async def _wake(self) -> None:
        await asyncio.to_thread(wake_pollers, self.clients, self.stack.queues.values())

    def _told(self, event: Event) -> None:
        if "is restarted" in event.text:
            self.restarts.append(event.text)


def send(pid: int | None, number: signal.Signals) -> bool:
    """Send a signal to a process of ours; return whether it was there."""
    if pid is None:
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def link_server() -> Iterator[str]:
    """Serve `/<red>-<green>-<blue>.png`, a picture of one colour; yield the server's URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pictures)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="links")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Pictures(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        red, green, blue = (int(part) for part in Path(self.path).stem.split("-"))
        data = one_colour((red, green, blue))
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


def _nothing() -> None:
    pass
