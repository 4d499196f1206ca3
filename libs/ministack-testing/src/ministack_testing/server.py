import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ministack_testing.clients import REGION
from ministack_testing.errors import MiniStackNotFoundError, MiniStackStartError

EXECUTABLE_ENV = "DARKROOM_MINISTACK"
PEX = "ministack.pex"
START_TIMEOUT = 90.0  # seconds; the first start of a PEX file unpacks it
STOP_TIMEOUT = 15.0  # seconds from SIGTERM to SIGKILL
START_TRIES = 3  # another process may take the free port before MiniStack does
POLL_INTERVAL = 0.1  # seconds
LOG_TAIL = 4000  # characters

# A PEX file unpacks into PEX_ROOT or below HOME; without them it would do so at each start.
_KEPT_ENV = ("HOME", "PATH", "LANG", "LC_ALL", "PEX_ROOT", "XDG_CACHE_HOME")


def ministack_command(env: Mapping[str, str], folder: Path) -> list[str]:
    """Return the command that starts MiniStack.

    The executable that `DARKROOM_MINISTACK` in `env` names, else `ministack.pex` in `folder` (where Pants
    puts it for tests with `runtime_package_dependencies=["//3rdparty:ministack"]`).

    Raises:
        MiniStackNotFoundError: there is neither.
    """
    if named := env.get(EXECUTABLE_ENV):
        executable = Path(named)
        if not os.access(executable, os.X_OK) or executable.is_dir():
            raise MiniStackNotFoundError(f"{EXECUTABLE_ENV} names {named}, which cannot be executed")
        return [str(executable.absolute())]
    pex = folder / PEX
    if not pex.is_file():
        raise MiniStackNotFoundError(
            f"no {PEX} in the working folder, and {EXECUTABLE_ENV} is not set: run the test through Pants, or"
            f" set {EXECUTABLE_ENV} to the path of a ministack executable"
        )
    # Not run directly: its first line asks for a python3.12 on PATH, which a sandbox may not have.
    return [sys.executable, str(pex.absolute())]


@contextmanager
def ministack_url(*, extra_env: Mapping[str, str] | None = None) -> Iterator[str]:
    """Start a MiniStack of one's own and yield its URL; at the end it is stopped and its state is gone.

    It listens on a free port of 127.0.0.1 only and keeps nothing. It gets an environment of its own, since
    Lambda functions inside it inherit what it has. `extra_env` is added to that.

    Raises:
        MiniStackNotFoundError: nothing to start.
        MiniStackStartError: it did not become healthy.
    """
    command = ministack_command(os.environ, Path.cwd())
    with ExitStack() as stack:
        # Lambda workers that die with the server may still hold files for a moment.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        yield _start(command, folder, extra_env or {}, stack)


def _start(command: Sequence[str], folder: Path, extra_env: Mapping[str, str], stack: ExitStack) -> str:
    log = folder / "ministack.log"
    for _ in range(START_TRIES):
        port = _free_port()
        process = _spawn(command, folder, {**_environment(folder, port), **extra_env}, log)
        stack.callback(_stop, process)
        url = f"http://127.0.0.1:{port}"
        if _healthy(process, url):
            return url
        if process.poll() is None:
            break
    raise MiniStackStartError(f"MiniStack did not become healthy:\n{log.read_text()[-LOG_TAIL:]}")


def _spawn(
    command: Sequence[str], folder: Path, env: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - the command is this repository's own emulator
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _environment(folder: Path, port: int) -> dict[str, str]:
    for name in ("state", "s3", "tmp"):
        (folder / name).mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in _KEPT_ENV if name in os.environ}
    return kept | {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "TMPDIR": str(folder / "tmp"),
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        # It looks for containers to remove where there is a Docker daemon; it must not find one.
        "DOCKER_HOST": f"unix://{folder / 'no-docker.sock'}",
        "LOG_LEVEL": "WARNING",
        "POWERTOOLS_LOG_LEVEL": "INFO",  # else functions inherit the level above and fall silent
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _healthy(process: subprocess.Popen[bytes], url: str) -> bool:
    """Wait until the server answers; false if it ends or takes too long."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with opener.open(f"{url}/_ministack/health", timeout=2) as answer:
                # The answer may be a stranger's, if our process lost the port and ended.
                return bool(answer.status == 200) and process.poll() is None
        except (urllib.error.URLError, OSError):
            time.sleep(POLL_INTERVAL)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)  # what it left: its session is its own, so these are ours
    except ProcessLookupError:
        return
