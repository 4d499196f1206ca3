"""Files served on loopback for as long as they are needed: a link that a task's input can name."""

import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local.sockets import LOOPBACK


@contextmanager
def serve(files: Mapping[str, tuple[bytes, str]]) -> Iterator[dict[str, str]]:
    """Serve files, given as name -> (content, content type), on a free port of 127.0.0.1; yield name -> URL.

    The URLs cannot be guessed; all other paths answer 404.
    """
    folder = secrets.token_urlsafe(9)
    paths = {f"/{folder}/{name}": file for name, file in files.items()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, content_type = paths.get(self.path, (b"", ""))
            self.send_response(200 if self.path in paths else 404)
            self.send_header("Content-Type", content_type or "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the terminal belongs to the command."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield {name: f"http://{LOOPBACK}:{server.server_port}/{folder}/{name}" for name in files}
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
