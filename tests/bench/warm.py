"""A Lambda function without Lambda: warm environments, each a process that answers one request at a time.

    python -m tests.bench.warm status 60

imports the handler of a service once, as a warm environment has it, and forks so many processes. They take
HTTP requests and hand them to the handler as REST proxy events of API Gateway. Prints `ready URL`, and serves
until SIGTERM. A request that finds no process free waits for one.
"""

import argparse
import importlib
import os
import signal
import socket
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

SERVICES = ("validator", "status")
BACKLOG = 256  # connections that wait for a process
LAST = 19
KEY_ID = "of-the-benchmark"  # of the API key

type Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]


def proxy_event(method: str, target: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return what API Gateway makes of a request, as far as the functions read it."""
    parts = urlsplit(target)
    return {
        "resource": parts.path,
        "path": parts.path,
        "httpMethod": method,
        "headers": dict(headers),
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": dict(parse_qsl(parts.query)) or None,
        "requestContext": {
            "stage": "prod",
            "requestId": str(uuid.uuid4()),
            "path": f"/prod{parts.path}",
            "identity": {"apiKeyId": KEY_ID},
        },
        "body": body.decode() or None,
        "isBase64Encoded": False,
    }


class _Request(BaseHTTPRequestHandler):
    """One request of one connection."""

    handler: Handler

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        answer = type(self).handler(
            proxy_event(self.command, self.path, dict(self.headers.items()), body), None
        )
        said = (answer.get("body") or "").encode()
        self.send_response(answer["statusCode"])
        headers = {name: values[0] for name, values in (answer.get("multiValueHeaders") or {}).items()}
        for name, value in (headers | (answer.get("headers") or {})).items():
            self.send_header(name, value)
        if answer["statusCode"] != 304:
            self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


def serve(listener: socket.socket, handler: Handler) -> None:
    """Answer one request after the other, for ever."""
    request = type("Request", (_Request,), {"handler": staticmethod(handler)})
    while True:
        connection, address = listener.accept()
        with connection:
            try:
                request(connection, address, None)
            except ConnectionError:
                continue  # the client has gone; so it does with API Gateway, and the function does not notice


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM; return 1 if fewer were left by then."""
    parser = argparse.ArgumentParser(prog="warm", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("processes", type=int)
    parser.add_argument(
        "--last", action="store_true", help="only take the processor time that others leave: nice 19"
    )
    options = parser.parse_args(arguments)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    handler = importlib.import_module(f"{options.service}.handler").handler
    listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    print(f"ready http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the functions' logs
    os.nice(LAST if options.last else 0)
    children = [_fork(listener, handler) for _ in range(options.processes)]
    signal.sigwait({signal.SIGTERM})
    lost = [child for child in children if os.waitpid(child, os.WNOHANG)[0]]
    left = [child for child in children if child not in lost]
    for child in left:
        os.kill(child, signal.SIGKILL)
    for child in left:
        os.waitpid(child, 0)
    if lost:
        print(f"{len(lost)} of {len(children)} processes ended by themselves", file=sys.stderr)
    return 1 if lost else 0


def _fork(listener: socket.socket, handler: Handler) -> int:
    child = os.fork()
    if child:
        return child
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    try:
        serve(listener, handler)
    finally:
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
