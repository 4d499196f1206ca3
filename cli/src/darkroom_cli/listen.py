"""`darkroom listen`: a receiver of webhooks on this machine, that verifies and prints them."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from console.dispatch import MakeClient, aws_client
from darkroom_cli.endpoints import Target, stack_of
from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.operating.system import find_system, telling
from darkroom_cli.terminal import Terminal
from darkroom_cli.trace_drawing import printable
from darkroom_client import BadArgumentError, WebhookEvent, WebhookVerificationError, verify_webhook
from local.home import Home
from local.sockets import LOOPBACK

SECRET_VARIABLE = "DARKROOM_WEBHOOK_SECRET"  # noqa: S105 - a name
LARGEST_BODY = 1 << 20  # bytes; notifications have at most 256 KiB
SLOWEST_SENDER = 10.0  # seconds
_POLL = 0.05  # seconds until the server notices its end

type Heard = Callable[[WebhookEvent, bytes], None]
type Refused = Callable[[str], None]


@contextmanager
def receiver(secrets: Sequence[str], *, port: int, heard: Heard, refused: Refused) -> Iterator[str]:
    """Receive webhooks for as long as it is needed; yield the URL.

    What is verified is answered with 204 once `heard` has returned, all else with 401: Darkroom tries again.
    Several may be told at once.

    Raises:
        BadRequestOptionError: the port is taken, or a secret is none.
    """
    _check(secrets)

    class Handler(BaseHTTPRequestHandler):
        timeout = SLOWEST_SENDER

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            if not (length.isascii() and length.isdigit()):
                self._answer(411)
                return
            if int(length) > LARGEST_BODY:
                self._answer(413)
                return
            body = self.rfile.read(int(length))
            try:
                event = verify_webhook(body, dict(self.headers.items()), secrets)
            except WebhookVerificationError as exc:
                refused(str(exc))
                self._answer(401)
                return
            heard(event, body)
            self._answer(204)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the terminal belongs to the command."""

    try:
        server = ThreadingHTTPServer((LOOPBACK, port), Handler)
    except OSError as exc:
        raise BadRequestOptionError(f"--port {port}: {exc.strerror}") from exc
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": _POLL}, daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def listen(
    secrets: Sequence[str], *, port: int, terminal: Terminal, count: int | None = None, as_json: bool = False
) -> None:
    """Print webhooks until Ctrl-C, or until `count` events were heard; one that is sent again counts once."""
    told = threading.Lock()
    seen: set[str] = set()
    enough = threading.Event()

    def heard(event: WebhookEvent, body: bytes) -> None:
        with told:
            again = event.id in seen
            seen.add(event.id)
            if not as_json:
                terminal.say(_line(event, again=again))
            elif not again:
                terminal.say(json.dumps(json.loads(body)))
            if count is not None and len(seen) >= count:
                enough.set()

    def refused(why: str) -> None:
        with told:
            terminal.remark(f"refused: {why}", style="yellow")

    with receiver(secrets, port=port, heard=heard, refused=refused) as url:
        terminal.remark(f"listening at {url}: give it as callback_url; Ctrl-C ends it")
        enough.wait()


def secrets_of(
    where: Target, *, environ: Mapping[str, str], home: Home, clients: MakeClient = aws_client
) -> list[str]:
    """Return the secrets that a system signs with: of the stack that is meant, else of what is up here.

    Raises:
        BadRequestOptionError: an endpoint alone does not tell them, or the stack signs nothing.
        NotUpError: no stack is meant, and no system is up.
        CliError: AWS does not tell.
    """
    stack = stack_of(where, environ=environ)
    if stack is None and (where.endpoint or where.api_key):
        raise BadRequestOptionError(
            f"an endpoint does not tell its secret: give --secret, or {SECRET_VARIABLE}"
        )
    system = find_system(stack, where.region, home=home, clients=clients)
    name = system.outputs.get("WebhookSecret")
    if name is None:
        raise BadRequestOptionError(f"{system.name} posts no webhooks: it has no output WebhookSecret")
    with telling(system.name):
        text = system.aws("secretsmanager").get_secret_value(SecretId=name).get("SecretString") or ""
    return _listed(str(text).strip())


def _listed(text: str) -> list[str]:
    """Return the secrets in a text: one, or a JSON list of them."""
    if not text.startswith("["):
        return [text]
    try:
        return [str(one) for one in json.loads(text)]
    except ValueError as exc:
        raise BadRequestOptionError("the system's own secret cannot be read: it is no JSON list") from exc


def _check(secrets: Sequence[str]) -> None:
    if not secrets:
        raise BadRequestOptionError(f"nothing can be verified without --secret or {SECRET_VARIABLE}")
    for secret in secrets:
        try:
            verify_webhook(b"", {}, secret)
        except BadArgumentError as exc:
            raise BadRequestOptionError(f"--secret: {exc}") from exc
        except WebhookVerificationError:
            continue  # of course: nothing was sent


def _line(event: WebhookEvent, *, again: bool) -> str:
    told = event.notification
    state = str(told.status) if told.error is None else f"{told.status} ({told.error.code})"
    parts = [event.sent_at.astimezone().strftime("%H:%M:%S"), told.id, told.runtime, state, *told.image_url]
    return printable("  ".join([*parts, "(sent again)"] if again else parts))
