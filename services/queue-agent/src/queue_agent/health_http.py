"""A small HTTP server for probes and scrapes that no client can tie up.

Its base is that of prometheus_client's own: a WSGI server with a thread for each connection. What is added:
a request has seconds to arrive as a whole, of many open connections the oldest has to go, nothing is logged.
"""

import io
import logging
import socket
import socketserver
import sys
import threading
import time
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import WSGIApplication

log = logging.getLogger(__name__)

READ_SECONDS = 5.0  # for the whole head of a request, however it drips
WRITE_SECONDS = 10.0
MAX_HEAD_BYTES = 16 * 1024
MAX_OPEN = 32  # connections


class _Handler(WSGIRequestHandler):
    """Answers one request."""

    server: "ProbeServer"
    connection: socket.socket

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = io.BytesIO(_head(self.connection, self.server.read_seconds))
        self.connection.settimeout(WRITE_SECONDS)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base's
        """Log nothing: a probe comes every few seconds, and a query string may hold anything."""

    def get_stderr(self) -> io.StringIO:
        """Take the traces of answers that a client did not wait for."""
        return io.StringIO()


class ProbeServer(socketserver.ThreadingMixIn, WSGIServer):
    """Listens as soon as it is made; `serve_forever` is for a thread of its own.

    Raises:
        OSError: the address is taken, or not ours.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, host: str, port: int, app: WSGIApplication, *, read_seconds: float) -> None:
        self.read_seconds = read_seconds
        self._lock = threading.Lock()
        self._open: dict[Any, None] = {}  # oldest first
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        self.set_app(app)

    def server_bind(self) -> None:
        """Bind. The base would look its own name up in DNS, and wait for that."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start to answer; where too many are open, the oldest has to go, so that a new one gets through."""
        with self._lock:
            self._open[request] = None
            for old in list(self._open)[:-MAX_OPEN]:
                _hang_up(old)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End all connections."""
        with self._lock:
            for request in self._open:
                _hang_up(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base's signature
        """Say that something went wrong; not what the request was, nor a message that may quote it."""
        kind = type(sys.exception()).__name__
        log.warning("health request failed", extra={"action": "health_request_failed", "cause": kind})


def _head(connection: socket.socket, seconds: float) -> bytes:
    """Read a request's head; empty where it does not come in time, or is too large."""
    deadline = time.monotonic() + seconds
    head = bytearray()
    try:
        while b"\r\n\r\n" not in head:
            left = deadline - time.monotonic()
            if left <= 0 or len(head) > MAX_HEAD_BYTES:
                return b""
            connection.settimeout(left)
            some = connection.recv(4096)
            if not some:
                return b""
            head += some
    except OSError:
        return b""
    return bytes(head)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("connection was gone already")
