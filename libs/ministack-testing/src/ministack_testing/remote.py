"""A fault proxy in a process of its own, so that it takes no time from whoever measures or judges."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ministack_testing.errors import ProxyStartError
from ministack_testing.rules import Rule

STOP_TIMEOUT = 10.0  # seconds from SIGTERM to SIGKILL
CONTROL_TIMEOUT = 30.0  # seconds; the machine may be busy


class RemoteProxy:
    """The control of a fault proxy that runs elsewhere."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def use(self, rules: Iterable[Rule]) -> None:
        """Replace the rules; their times begin now."""
        self._ask("POST", "rules", [rule.as_json() for rule in rules])

    def rules(self) -> list[Rule]:
        """Return the rules that hold now."""
        return [Rule.parse(spec) for spec in self._ask("GET", "rules")]

    def stats(self) -> dict[str, Any]:
        """Return `calls`, `refused` and `cut` by "service.Operation", `bytes_sent` and `bytes_received`."""
        answer: dict[str, Any] = self._ask("GET", "stats")
        return answer

    def forget_stats(self) -> None:
        """Count from nought."""
        self._ask("DELETE", "stats")

    def _ask(self, method: str, what: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_proxy/{what}", data=data, method=method)  # noqa: S310 - its own
        try:
            with self._opener.open(request, timeout=CONTROL_TIMEOUT) as answer:
                return json.loads(answer.read())
        except (OSError, urllib.error.URLError) as exc:
            raise ProxyStartError(f"the fault proxy at {self.url} does not answer: {exc}") from exc


@contextmanager
def proxy_process(
    target: str, *, rules: Sequence[Rule] = (), seed: int | None = None
) -> Iterator[RemoteProxy]:
    """Start a fault proxy in front of `target`, and end it afterwards.

    Raises:
        ProxyStartError: it did not start.
    """
    seeded = () if seed is None else ("--seed", str(seed))
    found = (str(Path(entry).absolute()) for entry in sys.path if entry)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(found)}
    process = subprocess.Popen(  # noqa: S603 - this very package
        [sys.executable, "-m", "ministack_testing.proxy", "--leashed", "--target", target, *seeded],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for whoever started it
    )
    assert process.stdin is not None, "it is a pipe"
    assert process.stdout is not None, "so is this"
    try:
        line = process.stdout.readline().decode()
        if not line.startswith("ready "):
            raise ProxyStartError(f"the fault proxy did not start: {line or 'it ended'}")
        proxy = RemoteProxy(line.split()[1], process.pid)
        if rules:
            proxy.use(rules)
        yield proxy
    finally:
        process.stdin.close()
        process.stdout.close()
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
