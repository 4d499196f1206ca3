"""MiniStack, the AWS emulator: an own process with a clean environment and folders of its own."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import httpx

from local.children import Child, ChildSpec
from local.environment import clean
from local.errors import StartError
from local.home import Home
from local.sockets import LOOPBACK

NAME = "ministack"
REGION = "us-east-1"
ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"  # noqa: S105 - the emulator's fixed, public key

START_TIMEOUT = 90.0  # seconds; the first start of a PEX file unpacks it
STOP_GRACE = 30.0  # seconds; it is never killed unless it does not end by itself
POLL_INTERVAL = 0.05  # seconds
WARM_LAMBDA_SECONDS = (
    7 * 24 * 3600
)  # a Lambda worker that idles is kept, so that no later request is a cold start


class MiniStack:
    """One emulator. All it keeps is gone when it ends."""

    def __init__(
        self, *, command: tuple[str, ...], home: Home, environ: Mapping[str, str], port: int
    ) -> None:
        self.url = f"http://{LOOPBACK}:{port}"
        folder = home.run / NAME
        self._folders = {name: folder / name for name in ("state", "s3", "tmp")}
        self._spec = ChildSpec(
            name=NAME,
            command=command,
            env=server_environment(environ, port=port, folder=folder),
            cwd=folder,
            log=home.log(NAME),
        )
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child is not None and self._child.running else None

    async def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            StartError: it ended, or did not answer in time.
        """
        for folder in self._folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        self._child = await Child.start(self._spec)
        deadline = asyncio.get_running_loop().time() + START_TIMEOUT
        async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
            while not await self._answers(http):
                if not self._child.running or asyncio.get_running_loop().time() > deadline:
                    raise StartError(
                        f"the AWS emulator did not start: {self._child.log_tail() or 'it said nothing'}",
                        log=self._spec.log,
                    )
                await asyncio.sleep(POLL_INTERVAL)

    async def wait(self) -> int:
        """Wait until it ends; return its exit code."""
        assert self._child is not None, "start() comes first"
        return await self._child.wait()

    async def stop(self, *, hurry: asyncio.Event | None = None) -> None:
        """End it by SIGTERM; its Lambda workers end with it."""
        if self._child is not None:
            await self._child.stop(grace=STOP_GRACE, hurry=hurry)

    async def _answers(self, http: httpx.AsyncClient) -> bool:
        try:
            answer = await http.get(f"{self.url}/_ministack/health")
        except httpx.HTTPError:
            return False
        # The answer may be a stranger's, if our process lost the port and ended.
        return answer.status_code == 200 and self._child is not None and self._child.running


def server_environment(environ: Mapping[str, str], *, port: int, folder: Path) -> dict[str, str]:
    """Return the whole environment of the emulator; Lambda functions inside it inherit all of this."""
    return clean(environ) | {
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": LOOPBACK,
        "MINISTACK_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "TMPDIR": str(folder / "tmp"),
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        # It removes containers that it takes for its own: it must not find a Docker daemon.
        "DOCKER_HOST": f"unix://{folder / 'no-docker.sock'}",
        "LAMBDA_WARM_TTL_SECONDS": str(WARM_LAMBDA_SECONDS),
        "LOG_LEVEL": "WARNING",
        "POWERTOOLS_LOG_LEVEL": "INFO",  # else functions take the level above for theirs and fall silent
    }


def client_environment(url: str) -> dict[str, str]:
    """Return the `AWS_*` variables with which a program speaks to the emulator at `url`."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
