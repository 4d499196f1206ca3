"""How one local system is to run."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from urllib.parse import urlsplit

from local.errors import BadOptionError

SECONDS_PER_IMAGE = 0.5
TRACE_LIMIT = 5000  # traces of tasks that are kept
CONSOLE_PORT = 7840  # tried first; a console that is always at one address can be a bookmark
# The demo serves a picture on this machine; agents in the cloud refuse such addresses.
LOOPBACK_HOSTS = ("localhost", "127.0.0.0/8", "::1/128")


TIMING_PREFIX = "DARKROOM_"


@dataclass(frozen=True)
class Timing:
    """Times of queue agents in seconds; each is read from `DARKROOM_<NAME IN CAPITALS>`.

    Waits are shorter than in the cloud, because a user who ends the system waits for them.
    """

    visibility_seconds: int = 60
    beat_seconds: float = 20.0
    receive_wait_seconds: int = 1
    shutdown_grace_seconds: float = 5.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Timing":
        """Read what the environment says; the rest keeps its default.

        Raises:
            BadOptionError: naming the variable that is no number, or too small a one.
        """
        values: dict[str, float] = {}
        for each in fields(cls):
            variable = f"{TIMING_PREFIX}{each.name.upper()}"
            if not (text := environ.get(variable)):
                continue
            try:
                values[each.name] = (int if isinstance(each.default, int) else float)(text)
            except ValueError:
                raise BadOptionError(f"{variable}: {text!r} is not a number of seconds") from None
            if values[each.name] < 0:
                raise BadOptionError(f"{variable}: a time cannot be negative")
        return replace(cls(), **values)  # type: ignore[arg-type]  # of the field's own type, by its default

    def environment(self) -> dict[str, str]:
        """Return the variables that tell an agent."""
        return {each.name.upper(): f"{getattr(self, each.name):g}" for each in fields(self)}


@dataclass(frozen=True)
class Settings:
    """Options of `up`; the defaults are a system that is complete by itself.

    `runtimes` maps names of the configuration to the URLs of real servers, which take the place of sketches.
    `api_port` is the emulator's port, 0 for any free one. `config` names another configuration file than the
    packaged one. `timing` is that of the agents, None for what the environment says. `traces` says whether
    there is a trace store, `trace_limit` how many traces it keeps; `otlp` is the URL of another receiver of
    OTLP over HTTP, for the spans of agents and sketches. `console` says whether there is a console,
    `console_port` where: None for `CONSOLE_PORT` if it is free and else any other, 0 for any free one.
    """

    seconds_per_image: float = SECONDS_PER_IMAGE
    runtimes: Mapping[str, str] = field(default_factory=dict)
    api_port: int = 0
    config: Path | None = None
    input_hosts: tuple[str, ...] = LOOPBACK_HOSTS
    input_s3: tuple[str, ...] = ()
    log_level: str = "INFO"
    timing: Timing | None = None
    traces: bool = True
    trace_limit: int = TRACE_LIMIT
    otlp: str | None = None
    console: bool = True
    console_port: int | None = None

    def check(self, known: Collection[str]) -> None:
        """Compare the options with the names of the runtimes that there are.

        Raises:
            BadOptionError: an option does not fit.
        """
        for name, url in self.runtimes.items():
            if name not in known:
                raise BadOptionError(f"--runtime: there is no runtime {name!r}; there are {', '.join(known)}")
            if not _is_http(url):
                raise BadOptionError(f"--runtime {name}: {url!r} is not a URL such as http://127.0.0.1:7860")
        if self.otlp is not None and not _is_http(self.otlp):
            raise BadOptionError(f"--otlp: {self.otlp!r} is not a URL such as http://127.0.0.1:4318")
        if self.seconds_per_image < 0:
            raise BadOptionError("--seconds-per-image: it cannot be negative")
        for option, port in (("--port", self.api_port), ("--console-port", self.console_port)):
            if port is not None and not 0 <= port <= 65535:
                raise BadOptionError(f"{option}: a port is a number from 1 to 65535, or 0 for any free one")


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def parse_runtime(text: str) -> tuple[str, str]:
    """Split `NAME=URL`.

    Raises:
        BadOptionError: it is not of that form.
    """
    name, equals, url = text.partition("=")
    if not (name and equals and url):
        raise BadOptionError(f"--runtime: {text!r} is not NAME=URL, such as sdruntime=http://127.0.0.1:7860")
    return name, url.rstrip("/")
