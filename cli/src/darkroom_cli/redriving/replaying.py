"""`darkroom replay`: the request of a task once more, on a runtime of the user's choice.

The queue agent's own adapters run it (`queue-agent replay`), in a process of its own: the request comes by
stdin, outputs go to a folder, and nothing of the task changes.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from darkroom_cli.errors import BadRequestOptionError, CliError
from darkroom_cli.operating.system import System, telling
from darkroom_cli.redriving.requests import Stored, request_of
from darkroom_cli.remote import client_of
from darkroom_cli.terminal import Terminal
from local.artifacts import Artifacts
from local.environment import clean_python
from local.home import Home
from local.ministack import client_environment
from local.settings import Settings

PATIENCE = 30.0  # seconds that the agent gets to interrupt the runtime
_USAGE = 2


class ReplayFailedError(CliError):
    """It did not run to its end; the agent has said why."""


@dataclass(frozen=True)
class Wish:
    """What the user wants.

    Attributes:
        task_id: whose request.
        runtime: URL of a runtime, or the name of one that is up here.
        type: of the runtime; None: what it is known to be, else that of the task's own.
        folder: of the outputs.
        hosts: that links may name though they are not public.
        buckets: `bucket` or `bucket/prefix` that `s3://` links may name.
    """

    task_id: str
    runtime: str
    type: str | None
    folder: Path
    hosts: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()


def replay(
    system: System,
    wish: Wish,
    *,
    home: Home,
    environ: Mapping[str, str],
    region: str | None,
    terminal: Terminal,
) -> None:
    """Run it; the names of its files are printed.

    Raises:
        NoRequestError: the request is not stored.
        ReplayFailedError: it failed.
        CliError: API or AWS do not answer, or the options do not fit.
    """
    with telling(system.name), client_of(system.connection) as client:
        task = client.get(wish.task_id)
        stored = request_of(task, system)
    known = {spec.name: spec.type for spec in system.deployment.runtimes}
    url, up = _place(system, wish.runtime)
    kind = wish.type or up or known.get(task.runtime)
    if kind is None:
        raise BadRequestOptionError(f"{system.name} has no runtime {task.runtime} any more: give --type")
    env = {
        **clean_python(environ),
        **_aws(system, environ, region),
        **_settings(system, task.runtime, wish, url=url, kind=kind),
    }
    command = (*Artifacts.find(home, environ).agent, "replay", str(wish.folder.absolute()))
    with terminal.waiting(f"{stored.tasktype} {task.id} at {env['RUNTIME_URL']}"):
        code, out, err = _run(command, env, stored)
    for line in out.splitlines():
        terminal.say(line)
    if code:
        why = err.strip().removeprefix("queue-agent replay: ") or f"the agent ended with {code}"
        raise BadRequestOptionError(why) if code == _USAGE else ReplayFailedError(f"{task.id}: {why}")


def _run(command: tuple[str, ...], env: Mapping[str, str], stored: Stored) -> tuple[int, str, str]:
    """Run the agent; after Ctrl-C, which reaches only us, it gets the time to interrupt the runtime."""
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603 - our own program
        command, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True, process_group=0
    ) as agent:
        try:
            out, err = agent.communicate(stored.to_json())
        finally:
            if agent.poll() is None:
                agent.terminate()
                try:
                    agent.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    agent.kill()
    return agent.returncode, out, err


def _place(system: System, runtime: str) -> tuple[str, str | None]:
    """Return where a runtime answers, and its type if that is known: one of that name is up here."""
    if runtime.startswith(("http://", "https://")):
        return runtime, None
    up = system.state.runtimes if system.state is not None else {}
    if runtime not in up:
        names = f", or the name of one that is up here: {', '.join(up)}" if up else ""
        raise BadRequestOptionError(f"--runtime: {runtime!r} is not an http:// or https:// URL{names}")
    return up[runtime].url, up[runtime].type


def _aws(system: System, environ: Mapping[str, str], region: str | None) -> dict[str, str]:
    if system.state is not None:
        return client_environment(system.state.aws_url)
    named = {} if region is None else {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    return {name: value for name, value in environ.items() if name.startswith("AWS_")} | named


def _settings(system: System, name: str, wish: Wish, *, url: str, kind: str) -> dict[str, str]:
    """Return the agent's settings; without a checkpoint in the request the loaded one is kept."""
    here = Settings() if system.state is not None else None
    hosts = (*wish.hosts, *(here.input_hosts if here is not None else ()))
    buckets = (*wish.buckets, *(here.input_s3 if here is not None else ()))
    return {
        "RUNTIME_NAME": name,
        "RUNTIME_TYPE": kind,
        "RUNTIME_URL": url,
        "DYNAMIC_MODEL": "true",
        "QUEUE_URL": system.queues.get(name, system.output("UnroutedQueueUrl")),
        "TASKS_TABLE": system.output("TasksTable"),
        "NOTIFICATIONS_TOPIC_ARN": system.output("sdNotificationOutputArn"),
        "OUTPUT_BUCKET": system.output("OutputS3Bucket"),
        "PAYLOAD_BUCKET": system.output("PayloadBucket"),
        "ALLOWED_INPUT_HOSTS": json.dumps(hosts),
        "ALLOWED_INPUT_S3": json.dumps(buckets),
    }
