"""`darkroom console`: the address of the console that is there, or one that is served here."""

import secrets
import signal
import threading
import webbrowser
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pydantic import SecretStr

from console.dispatch import MakeClient, aws_client
from console.errors import NoStackError, PageMissingError, SettingsError
from console.page import Page
from console.server import serve
from console.settings import RuntimeSource, Sources
from console.stack import sources_of_stack
from darkroom_cli.endpoints import Target, named, stack_of
from darkroom_cli.errors import BadRequestOptionError, CliError, NoAnswerError, NoConsoleError
from darkroom_cli.remote import in_our_words
from darkroom_cli.terminal import Terminal
from darkroom_client import Connection, Darkroom, Retries, Task
from local.artifacts import CONSOLE_PAGE_ENV
from local.console import choose_port
from local.home import Home
from local.state import State, read_state
from task_schema import TASK_TYPES

PATIENCE = 15.0  # seconds that the API has for its first answer
TRIES = 2
LOOKED_AT = 100  # tasks, for the runtimes that they name
CUSTOM = "custom"
TOKEN_BYTES = 32


@dataclass(frozen=True)
class Options:
    """What was asked for beside a system."""

    port: int | None = None
    browser: bool = False
    runtimes: tuple[str, ...] = ()


def console(
    where: Target,
    options: Options,
    *,
    environ: Mapping[str, str],
    home: Home,
    terminal: Terminal,
    clients: MakeClient = aws_client,
) -> None:
    """Print the address of the console of the system that is up, or serve one of the system that is meant.

    Raises:
        CliError: the options do not go together, the system does not answer or refuses the key, the port is
            taken.
        NotUpError: nothing was said, and no system is up.
    """
    told = _sources(where, options, environ=environ, terminal=terminal, clients=clients)
    if told is not None:
        keep_serving(told, options, environ=environ, home=home, terminal=terminal)
        return
    if options.port is not None:
        raise BadRequestOptionError(
            "--port is for the console of another system; that of the one here: ./darkroom up --console-port"
        )
    address = address_of(read_state(home))
    terminal.say(address)
    if options.browser:
        webbrowser.open(leading_to(address, home))


def keep_serving(
    told: Sources, options: Options, *, environ: Mapping[str, str], home: Home, terminal: Terminal
) -> None:
    """Serve a console until Ctrl-C or SIGTERM, which is its usual end.

    Raises:
        CliError: it cannot be served.
    """

    def announce(address: str) -> None:
        terminal.say(address)
        terminal.remark(f"the console of {told.endpoint}: it lets in who has this address; Ctrl-C ends it")
        if options.browser:
            # A browser of the terminal keeps its caller, here the event loop, until it ends.
            page = leading_to(address, home)
            threading.Thread(target=webbrowser.open, args=(page,), daemon=True).start()

    port = choose_port(options.port, option="--port")
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        page = Page.of_folder(Path(folder)) if (folder := environ.get(CONSOLE_PAGE_ENV)) else None
        serve(told, port, secrets.token_urlsafe(TOKEN_BYTES), page=page, announce=announce)
    except KeyboardInterrupt:
        terminal.remark("ended")
    except SettingsError as exc:
        raise BadRequestOptionError(str(exc)) from exc
    except PageMissingError as exc:
        raise CliError(str(exc)) from exc
    finally:
        signal.signal(signal.SIGTERM, before)


def _sources(
    where: Target,
    options: Options,
    *,
    environ: Mapping[str, str],
    terminal: Terminal,
    clients: MakeClient,
) -> Sources | None:
    """Return what the console of the system that is meant is told; None where it is the one that is up."""
    stack = stack_of(where, environ=environ)
    connection = None if stack is not None else named(where, environ=environ, clients=clients)
    if connection is not None:
        chosen = parse_runtimes(options.runtimes)
        with terminal.waiting(f"asking {connection.endpoint}"):
            tasks = last_tasks(connection)
        return Sources(
            mode="api",
            endpoint=connection.endpoint,
            api_key=SecretStr(connection.api_key),
            runtimes=chosen or runtimes_in(tasks),
        )
    if options.runtimes:
        raise BadRequestOptionError(
            "--runtime goes with --endpoint: a stack, and what is up here, tell theirs"
        )
    if stack is None:
        return None
    with terminal.waiting(f"asking AWS about {stack}"):
        try:
            told = sources_of_stack(stack, where.region, clients=clients)
            connection = told.connection()
        except NoStackError as exc:
            raise BadRequestOptionError(f"--stack-name: {exc}") from exc
        except SettingsError as exc:
            raise NoAnswerError(str(exc)) from exc
        last_tasks(connection)
    return told


def address_of(state: State) -> str:
    """Return the address of the console of the system that is up.

    Raises:
        NoConsoleError: it has none.
    """
    if state.console_url is None:
        raise NoConsoleError(
            "the local system was started without a console; ./darkroom down, then up without --no-console"
        )
    return state.console_url


def leading_to(address: str, home: Home) -> str:
    """Return what a browser is to open: a file that only the user can read, as all can read its arguments."""
    home.prepare()
    file = home.work / "console.html"
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={address}">\n')
    return file.as_uri()


def parse_runtimes(texts: Iterable[str]) -> tuple[RuntimeSource, ...]:
    """Read `NAME=TYPE`.

    Raises:
        BadRequestOptionError: one is not of that form.
    """
    found = {}
    for text in texts:
        name, _, kind = text.partition("=")
        if not name or kind not in TASK_TYPES:
            raise BadRequestOptionError(
                f"--runtime: {text!r} is not NAME=TYPE with a type of {', '.join(TASK_TYPES)},"
                " such as sdruntime=sdwebui"
            )
        found[name] = RuntimeSource(name=name, type=kind, tasktypes=TASK_TYPES[kind])
    return tuple(found.values())


def last_tasks(connection: Connection) -> Sequence[Task]:
    """Ask a system for its last tasks, which tells too whether it is there and takes the key.

    Raises:
        CliError: it is not, or does not.
    """
    retries = Retries(tries=TRIES)
    try:
        with (
            in_our_words(),
            Darkroom(connection.endpoint, connection.api_key, retries=retries, timeout=PATIENCE) as client,
        ):
            return list(islice(client.list(page_size=LOOKED_AT), LOOKED_AT))
    except NoAnswerError as exc:
        raise NoAnswerError(
            f"{exc} ({connection.endpoint}). Is it the stack's output FrontApiEndpoint, and within reach?"
        ) from exc


def runtimes_in(tasks: Iterable[Task]) -> tuple[RuntimeSource, ...]:
    """Return the runtimes that tasks name; their types follow from the task types that they took."""
    seen: Mapping[str, set[str]] = defaultdict(set)
    for task in tasks:
        seen[task.runtime].add(task.tasktype)
    return tuple(_of_tasktypes(name, seen[name]) for name in sorted(seen))


def _of_tasktypes(name: str, tasktypes: set[str]) -> RuntimeSource:
    for kind, served in TASK_TYPES.items():
        if tasktypes <= set(served):
            return RuntimeSource(name=name, type=kind, tasktypes=served)
    return RuntimeSource(name=name, type=CUSTOM, tasktypes=tuple(sorted(tasktypes)))
