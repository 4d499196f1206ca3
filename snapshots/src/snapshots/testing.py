"""For tests: time that passes at once, a host that answers commands, and AWS calls that go wrong."""

import json
import shlex
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from snapshots.progress import Leftover


class FakeClock:
    """Sleeping takes no time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        """Return the seconds slept so far."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.sleeps.append(seconds)
        self.now += seconds


@dataclass
class Told:
    """A `Progress` that remembers."""

    steps: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    leftovers: list[Leftover] = field(default_factory=list)

    def step(self, text: str) -> None:
        """Remember it."""
        self.steps.append(text)

    def detail(self, text: str) -> None:
        """Remember it."""
        self.details.append(text)

    def remark(self, text: str) -> None:
        """Remember it."""
        self.remarks.append(text)

    def left(self, leftover: Leftover) -> None:
        """Remember it."""
        self.leftovers.append(leftover)


@dataclass
class FakeHost:
    """Bottlerocket behind Systems Manager: runs what `snapshots.bottlerocket` says, in a containerd of names.

    Attributes:
        parameters: public parameters.
        offline: how many looks it takes until the agent reports.
        unseen: how many looks it takes until a command is known.
        running: how many more looks find each command under way.
        results: by a piece of a command, what becomes of it instead, each once.
        scripts: all that was sent.
        names: what containerd knows, and whether it is marked for the kubelet.
    """

    parameters: dict[str, str] = field(default_factory=dict)
    offline: int = 1
    unseen: int = 1
    running: int = 1
    results: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    scripts: list[list[str]] = field(default_factory=list)
    names: dict[str, bool] = field(default_factory=dict)
    _ended: dict[str, dict[str, Any]] = field(default_factory=dict)
    _looks: Counter[str] = field(default_factory=Counter)

    def attach(self, ssm: Any) -> Callable[[], None]:
        """Answer the calls of a client of Systems Manager; return what ends that."""
        calls: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "GetParameters": self._get_parameters,
            "DescribeInstanceInformation": self._information,
            "SendCommand": self._send,
            "GetCommandInvocation": self._invocation,
        }

        def answer(model: Any, params: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
            if model.name not in calls:
                return None
            said = calls[model.name](json.loads(params["body"]))
            return AWSResponse("https://aws.test", 400 if "Error" in said else 200, {}, b""), said

        ssm.meta.events.register("before-call", answer)
        return lambda: ssm.meta.events.unregister("before-call", answer)

    def _get_parameters(self, call: dict[str, Any]) -> dict[str, Any]:
        known = [name for name in call["Names"] if name in self.parameters]
        return {"Parameters": [{"Name": name, "Value": self.parameters[name]} for name in known]}

    def _information(self, _call: dict[str, Any]) -> dict[str, Any]:
        self.offline -= 1
        status = "Online" if self.offline < 0 else "Inactive"
        return {"InstanceInformationList": [{"PingStatus": status}]}

    def _send(self, call: dict[str, Any]) -> dict[str, Any]:
        lines = call["Parameters"]["commands"]
        self.scripts.append(lines)
        number = f"{len(self.scripts):036d}"
        self._ended[number] = self._planned(lines) or self._run(lines)
        return {"Command": {"CommandId": number}}

    def _invocation(self, call: dict[str, Any]) -> dict[str, Any]:
        number = call["CommandId"]
        self._looks[number] += 1
        if self._looks[number] <= self.unseen:
            return {"Error": {"Code": "InvocationDoesNotExist", "Message": "not yet"}}
        if self._looks[number] <= self.unseen + self.running:
            return {"Status": "InProgress", "StatusDetails": "InProgress"}
        return self._ended[number]

    def _planned(self, lines: list[str]) -> dict[str, Any] | None:
        for piece, results in self.results.items():
            if results and any(piece in line for line in lines):
                return results.pop(0)
        return None

    def _run(self, lines: list[str]) -> dict[str, Any]:
        printed = ""
        for line in lines:
            words = shlex.split(line)
            sources = [word.partition("=")[2] for word in words if word.startswith("--source=")]
            for source in sources:
                self.names[source] = "--label=io.cri-containerd.image=managed" in words
            if words[-4:-2] == ["tag", "--force"]:
                self.names[words[-1]] = False
            elif "label" in words:
                self.names[words[-2]] = words[-1] == "io.cri-containerd.image=managed"
            elif "ls" in words:
                printed = "\n".join(name for name, managed in self.names.items() if managed)
        return {"Status": "Success", "StatusDetails": "Success", "StandardOutputContent": printed}


@dataclass
class Faults:
    """Calls of AWS that go wrong; those of `operation`, `times` of them (None: all).

    Attributes:
        kind: `refused`, `throttled`, `timed out` (never reached AWS), `lost` (done, but without an
            answer), `interrupted` (Ctrl-C before it) or `interrupted after`.
        then: another, that begins once this one has happened.
        seen: the operations that were called.
    """

    kind: str = ""
    operation: str = ""
    times: int | None = 1
    then: "Faults | None" = None
    seen: list[str] = field(default_factory=list)

    def attach(self, client: Any) -> Callable[[], None]:
        """Break the calls of a client; return what ends that."""
        events = client.meta.events
        events.register_first("before-call", self._before)
        events.register_last("after-call", self._after)

        def detach() -> None:
            events.unregister("before-call", self._before)
            events.unregister("after-call", self._after)

        return detach

    def _before(self, model: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
        self.seen.append(model.name)
        if self.kind == "refused" and self._due(model.name):
            return _error("UnauthorizedOperation", "You are not authorized", 403)
        if self.kind == "throttled" and self._due(model.name):
            return _error("RequestLimitExceeded", "Request limit exceeded.", 503)
        if self.kind == "timed out" and self._due(model.name):
            raise ConnectTimeoutError(endpoint_url="https://aws.test")
        if self.kind == "interrupted" and self._due(model.name):
            raise KeyboardInterrupt
        return None

    def _after(self, model: Any, **_: Any) -> None:
        if self.kind == "lost" and self._due(model.name):
            raise ReadTimeoutError(endpoint_url="https://aws.test")
        if self.kind == "interrupted after" and self._due(model.name):
            raise KeyboardInterrupt

    def _due(self, operation: str) -> bool:
        if operation != self.operation or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        if self.times == 0 and self.then is not None:
            self.kind, self.operation, self.times = self.then.kind, self.then.operation, self.then.times
            self.then = self.then.then
        return True


def _error(code: str, message: str, status: int) -> tuple[AWSResponse, dict[str, Any]]:
    parsed = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return AWSResponse("https://aws.test", status, {}, b""), parsed
