"""What the requests of both API versions have in common (DESIGN 4.1)."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from task_schema._codes import RequestCode
from task_schema._faults import Fault
from task_schema._metadata import Metadata
from task_schema._strict_json import MAX_NESTING, deeper_than
from task_schema.errors import RequestRefusedError

ApiVersion = Literal["v1alpha1", "v1alpha2"]

#: Largest body as Lambda gets it, that is escaped inside the event's JSON; Lambda takes 6 MB in all.
MAX_BODY_BYTES = 5 * 1024 * 1024 + 512 * 1024


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A request that was accepted.

    `content` is as the user sent it. `body_hash` is the SHA-256, in hex, of the parsed body: two bodies
    that differ in white space or in the order of keys only are the same request.
    """

    api_version: ApiVersion
    metadata: Metadata
    content: dict[str, Any]
    body_hash: str


def load_json(body: str | bytes) -> Any:
    """Parse JSON as strictly as the rest of the way needs it.

    Raises:
        RequestRefusedError: `bad_json` for what is not JSON, a key that an object has twice (one of the
            values would be lost in silence), NaN and Infinity, text that is not Unicode (lone surrogates
            could not be stored), and more than `MAX_NESTING` levels.
    """
    try:
        data = json.loads(body, parse_constant=_refuse_constant, object_pairs_hook=_unique)
        # Numbers such as 1e999 and lone surrogates only show when written again.
        json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError as exc:
        raise _too_deep() from exc
    except _DuplicateKeyError as exc:
        raise RequestRefusedError.of(RequestCode.BAD_JSON, str(exc)) from exc
    except json.JSONDecodeError as exc:
        raise RequestRefusedError.of(RequestCode.BAD_JSON, f"the body is not JSON: {exc}") from exc
    except ValueError as exc:
        raise RequestRefusedError.of(RequestCode.BAD_JSON, "the body is not JSON") from exc
    if deeper_than(MAX_NESTING, data):
        raise _too_deep()
    return data


def hash_of(data: Any) -> str:
    """Return `ParsedRequest.body_hash` of a parsed body."""
    canonical = json.dumps(data, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def merged(faults: Iterable[Fault], more: Iterable[Fault]) -> list[Fault]:
    """Return all faults, but of `more` only those in fields that are not among the first ones yet."""
    first = list(faults)
    fields = {fault.field for fault in first}
    return first + [fault for fault in more if fault.field not in fields]


class _DuplicateKeyError(ValueError):
    """An object has a key twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add() as "seen now"
        raise _DuplicateKeyError(f"the body is ambiguous: an object has the key {twice[:100]!a} twice")
    return data


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _too_deep() -> RequestRefusedError:
    return RequestRefusedError.of(
        RequestCode.BAD_JSON, f"the body is nested too deeply: at most {MAX_NESTING} levels are taken"
    )
