"""Fakes of the ports, and events as API Gateway makes them; for tests."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from task_schema import RequestRefusedError
from telemetry.segments import Segments

#: What Lambda says of a request whose trace is kept.
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@dataclass
class FakeLog:
    """Keeps the lines: level and fields."""

    lines: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def info(self, msg: object, /, *, extra: Mapping[str, object]) -> None:  # noqa: ARG002 - the port's signature
        """See `Log`."""
        self.lines.append(("info", dict(extra)))

    def error(self, msg: object, /, *, extra: Mapping[str, object]) -> None:  # noqa: ARG002 - the port's signature
        """See `Log`."""
        self.lines.append(("error", dict(extra)))


@dataclass
class FakeMeter:
    """Keeps what was counted and written: name and dimensions -> number."""

    counted: dict[tuple[str, ...], int] = field(default_factory=dict)
    _counting: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def count(self, name: str, number: int = 1, /, **dimensions: str) -> None:
        """See `Meter`."""
        self._counting[name, *(f"{key}={value}" for key, value in sorted(dimensions.items()))] += number

    def flush(self) -> None:
        """See `Meter`."""
        self.counted = dict(self._counting)


@dataclass
class FakeDaemon:
    """Keeps the segment documents that are sent to it."""

    documents: list[dict[str, Any]] = field(default_factory=list)

    def segments(self, service: str, *, exported: bool = True) -> Segments:
        """Return what sends here; `exported`: whether there is anybody to send to."""
        return Segments(self._take if exported else None, service=service, refusals=(RequestRefusedError,))

    def _take(self, datagram: bytes) -> None:
        self.documents.append(json.loads(datagram.partition(b"\n")[2]))


@dataclass
class Answer:
    """An answer of a handler."""

    status: int
    headers: dict[str, str]
    text: str

    @classmethod
    def of(cls, answered: Mapping[str, Any]) -> "Answer":
        """Read a proxy answer."""
        headers = {**answered.get("headers", {})}
        many = answered.get("multiValueHeaders", {})
        headers |= {name: ",".join(values) for name, values in many.items()}
        return cls(answered["statusCode"], headers, answered["body"])

    @property
    def body(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


def rest_event(
    method: str,
    path: str,
    *,
    resource: str | None = None,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    base64: bool = False,
    api_key_id: str | None = None,
) -> dict[str, Any]:
    """Return a REST proxy event.

    Args:
        method: of HTTP.
        path: without the stage.
        resource: path of the route, where it has parameters.
        body: as it is sent.
        headers: of the request.
        query: its parameters.
        parameters: those of the path.
        base64: whether the body is said to be base64.
        api_key_id: of the key that the request came with.
    """
    return {
        "resource": resource or path,
        "path": path,
        "httpMethod": method,
        "headers": None if headers is None else dict(headers),
        "multiValueHeaders": None,
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": None,
        "pathParameters": dict(parameters) if parameters else None,
        "stageVariables": None,
        "requestContext": {
            "stage": "prod",
            "path": f"/prod{path}",
            "httpMethod": method,
            "identity": {"apiKeyId": api_key_id},
        },
        "body": body,
        "isBase64Encoded": base64,
    }
