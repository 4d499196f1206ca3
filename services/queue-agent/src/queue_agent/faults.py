"""What a runtime says, and what it means for a task: one table for both runtimes (DESIGN 4.1 and 5).

`sdwebui_faults` and `comfyui_faults` read the answers; what they find is looked up here. The first row that
fits holds. Where the rows come from: docs/develop/runtimes.md and sdwebui-api.md.
"""

import re
from collections.abc import Container
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from queue_agent.errors import AgentError, RuntimeLostError, RuntimeRefusedStartError, TaskFailedError
from task_schema import TaskCode


class Voice(Enum):
    """Where it was said."""

    WEBUI = auto()  # SD Web UI's answer to a run or to settings, where it is not 200
    PROMPT = auto()  # ComfyUI's answer to a workflow, where it is not 200
    NODES = auto()  # what ComfyUI has against single nodes, with 400 or with 200
    RUN = auto()  # ComfyUI's `execution_error`
    UPLOAD = auto()  # ComfyUI's answer to an input, where it is not 200
    QUEUE = auto()  # what ComfyUI's queue and history show of a prompt


class Meaning(Enum):
    """What the agent does about it."""

    FAILED = auto()  # the task is at fault, and ends
    LOST = auto()  # an inference is lost, and tried again
    POISONED = auto()  # the same, and nothing works in that process until it is started again
    NOT_STARTED = auto()  # nothing was started, and nothing counts


class Sign(Enum):
    """What only the reader of an answer can see, as it depends on the request."""

    OWN_OPTION = auto()  # an exception names a setting that the request overrides
    OWN_UPLOAD = auto()  # an input that the agent has uploaded is not there
    MISSING_MODELS = auto()  # all that is wrong is files of models that are not there
    SPEECHLESS = auto()  # not in the shape of an error
    NEVER_BEGAN = auto()  # it waits although nothing runs


@dataclass(frozen=True, slots=True)
class Said:
    """What a runtime said.

    Attributes:
        voice: where.
        status: of the HTTP answer, 0 where it was none.
        kind: the exception's or error's type, as the runtime names it.
        message: in words that a user may read.
        where: what the message is about, such as a node.
        signs: what the reader saw.
    """

    voice: Voice
    status: int = 0
    kind: str = ""
    message: str = ""
    where: str = ""
    signs: frozenset[Sign] = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of fault: when it fits, what it means, and what is told of it.

    Attributes:
        name: for tests and people.
        voices: where it may be said.
        meaning: what the agent does.
        tell: the message; `{message}`, `{named}` (kind and message), `{status}`, `{where}`.
        code: what the user is told, where this was the last word.
        statuses: of the HTTP answers that fit.
        words: found in "<kind>: <message>".
        sign: has been seen.
    """

    name: str
    voices: frozenset[Voice]
    meaning: Meaning
    tell: str = "{message}"
    code: TaskCode = TaskCode.ATTEMPTS_EXHAUSTED
    statuses: Container[int] | None = None
    words: re.Pattern[str] | None = None
    sign: Sign | None = None

    def fits(self, said: Said) -> bool:
        """Whether it is this that was said."""
        return (
            said.voice in self.voices
            and (self.statuses is None or said.status == 0 or said.status in self.statuses)
            and (self.words is None or self.words.search(f"{said.kind}: {said.message}") is not None)
            and (self.sign is None or self.sign in said.signs)
        )


def row_of(said: Said) -> Row:
    """Find what was said in the table; there is a last row for each voice."""
    return next(row for row in TABLE if row.fits(said))


def error_of(said: Said, *, answer: Any = None) -> AgentError:
    """Return the error to raise for what a runtime said.

    Args:
        said: what the runtime said.
        answer: for the `.out` of a task that fails of it.
    """
    row = row_of(said)
    named = ": ".join(part for part in (said.kind, said.message) if part) or "without a word"
    text = row.tell.format(message=said.message, named=named, status=said.status, where=said.where)
    match row.meaning:
        case Meaning.FAILED:
            return TaskFailedError(row.code, text, answer=answer)
        case Meaning.NOT_STARTED:
            return RuntimeRefusedStartError(text)
        case Meaning.LOST | Meaning.POISONED:
            return RuntimeLostError(text, code=row.code, poisoned=row.meaning is Meaning.POISONED)


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


_WEBUI, _PROMPT, _NODES = (frozenset({voice}) for voice in (Voice.WEBUI, Voice.PROMPT, Voice.NODES))
_RUN, _UPLOAD, _QUEUE = (frozenset({voice}) for voice in (Voice.RUN, Voice.UPLOAD, Voice.QUEUE))
_WORK = _WEBUI | _RUN

_BROKE = frozenset(range(500, 600)) - {503}
# Wrong credentials, wrong address, or too busy: another time or another set-up, but not the task's fault.
_NOT_NOW = frozenset({401, 403, 408, 425, 429, 503})
_NO_PROMPT_NOW = _NOT_NOW | {404, 405, 502, 504}
_REFUSED = TaskCode.RUNTIME_REFUSED

TABLE: tuple[Row, ...] = (
    # The machine's fault, whichever runtime says it. A 500 or an execution_error.
    Row(
        name="out of memory",
        voices=_WORK,
        statuses=_BROKE,
        words=_words(
            "outofmemoryerror",
            "out of memory",
            "allocation on device",
            "^memoryerror",
            "defaultcpuallocator: can't allocate",
            "cublas_status_alloc_failed",
        ),
        meaning=Meaning.LOST,
        code=TaskCode.OUT_OF_MEMORY,
        tell="the runtime ran out of memory: {named}",
    ),
    Row(
        # Starting the process again would change nothing.
        name="gpu that does not fit",
        voices=_WORK,
        statuses=_BROKE,
        words=_words(
            "no kernel image is available", "no cuda-capable device", "driver version is insufficient"
        ),
        meaning=Meaning.LOST,
        tell="the GPU does not fit the runtime: {named}",
    ),
    Row(
        # After these every further use of the device fails too. Only as the exception's own words: a user's
        # file may have any name.
        name="poisoned gpu",
        voices=_WORK,
        statuses=_BROKE,
        words=_words(
            r"^\S*: (cuda|hip) error\b",
            r"^\S*acceleratorerror\b",
            r"^\S*: .{0,80}device-side assert triggered",
            r"^\S*: cu(dnn|blas)\b.{0,40}status_(execution_failed|internal_error|mapping_error)",
        ),
        meaning=Meaning.POISONED,
        tell="the GPU failed: {named}",
    ),
    Row(
        name="gpu",
        voices=_WORK,
        statuses=_BROKE,
        words=_words("cu(dnn|blas)_status_", r"\bcudnn error:", r"\b(cuda|hip) error:"),
        meaning=Meaning.LOST,
        tell="the GPU failed: {named}",
    ),
    Row(
        name="machine",
        voices=_WORK,
        statuses=_BROKE,
        words=_words(
            "no space left on device", "input/output error", "too many open files", "read-only file system"
        ),
        meaning=Meaning.LOST,
        tell="the runtime's machine failed: {named}",
    ),
    # SD Web UI. Several of the caller's faults come as 500, and would for ever (recordings a02 and a03).
    Row(
        name="webui: unknown model",
        voices=_WEBUI,
        statuses=_BROKE,
        words=_words("^[^:]*: model '.*' not found"),
        meaning=Meaning.FAILED,
        code=TaskCode.UNKNOWN_MODEL,
    ),
    Row(
        name="webui: unknown setting",
        voices=_WEBUI,
        statuses=_BROKE,
        words=_words("^KeyError: "),
        sign=Sign.OWN_OPTION,
        meaning=Meaning.FAILED,
        code=_REFUSED,
        tell="override_settings: the runtime has no option {message}",
    ),
    Row(
        name="webui: picture cannot be read",
        voices=_WEBUI,
        statuses=_BROKE,
        words=_words(
            "^[^:]*: invalid encoded image",
            "^[^:]*: invalid image url",
            "cannot identify image file",
            r"exceeds limit of \d+ pixels",
        ),
        meaning=Meaning.FAILED,
        code=_REFUSED,
    ),
    Row(
        name="webui: picture by address",
        voices=_WEBUI,
        statuses=_BROKE,
        words=_words("^[^:]*: requests? (to local resource )?not allowed"),
        meaning=Meaning.FAILED,
        code=_REFUSED,
    ),
    Row(
        name="webui: unknown upscaler",
        voices=_WEBUI,
        statuses=_BROKE,
        words=_words("could not find upscaler named"),
        meaning=Meaning.FAILED,
        code=_REFUSED,
    ),
    Row(
        name="webui: impossible size",
        voices=_WEBUI,
        statuses=_BROKE,
        words=_words(
            "calculated padded input size per channel",
            "kernel size can't be greater than actual input size",
            "dimension out of range",
        ),
        meaning=Meaning.FAILED,
        code=_REFUSED,
    ),
    Row(
        name="webui: something not found",
        voices=_WEBUI,
        statuses=_BROKE,
        words=_words("(sampler|scheduler|script|style|mask|init image).* not found"),
        meaning=Meaning.FAILED,
        code=_REFUSED,
    ),
    Row(
        name="webui: broke",
        voices=_WEBUI,
        statuses=_BROKE,
        meaning=Meaning.LOST,
        tell="the runtime failed ({status}): {named}",
    ),
    Row(
        name="webui: not now",
        voices=_WEBUI,
        statuses=_NOT_NOW,
        meaning=Meaning.NOT_STARTED,
        tell="the runtime takes nothing from the agent ({status}): {message}",
    ),
    Row(
        # The server is up before its API is. A missing init image is a 404 too, but that one has words.
        name="webui: no API yet",
        voices=_WEBUI,
        statuses=frozenset({404}),
        words=_words("^[^:]*: (Not Found)?$"),
        meaning=Meaning.NOT_STARTED,
        tell="the runtime does not serve its API yet",
    ),
    Row(
        name="webui: too large",
        voices=_WEBUI,
        statuses=frozenset({413}),
        meaning=Meaning.FAILED,
        code=TaskCode.INPUT_TOO_LARGE,
        tell="the request is larger than the runtime takes",
    ),
    Row(
        name="webui: no error",
        voices=_WEBUI,
        statuses=range(400),
        meaning=Meaning.LOST,
        tell="the runtime answered {status}",
    ),
    Row(
        name="webui: refused without a word",
        voices=_WEBUI,
        words=_words("^: $"),
        meaning=Meaning.FAILED,
        code=_REFUSED,
        tell="the runtime refuses the request ({status})",
    ),
    Row(name="webui: refused", voices=_WEBUI, meaning=Meaning.FAILED, code=_REFUSED),
    # ComfyUI: the workflow (recordings 03, 12 and 18).
    Row(
        name="comfyui: not now",
        voices=_PROMPT,
        statuses=_NO_PROMPT_NOW,
        meaning=Meaning.NOT_STARTED,
        tell="the runtime takes no workflow from the agent ({status})",
    ),
    Row(
        name="comfyui: too large",
        voices=_PROMPT,
        statuses=frozenset({413}),
        meaning=Meaning.FAILED,
        code=TaskCode.INPUT_TOO_LARGE,
        tell="the workflow is larger than the runtime takes",
    ),
    Row(
        # The agent sends JSON with an object: what the server trips over is the shape of a node, for ever.
        name="comfyui: unreadable workflow",
        voices=_PROMPT,
        sign=Sign.SPEECHLESS,
        meaning=Meaning.FAILED,
        code=TaskCode.BAD_GRAPH,
        tell="the runtime cannot read the workflow (it answered {status})",
    ),
    Row(
        name="comfyui: refused",
        voices=_PROMPT,
        meaning=Meaning.FAILED,
        code=TaskCode.BAD_GRAPH,
    ),
    Row(
        # Nobody's fault: the runtime has been started anew since.
        name="comfyui: uploads gone",
        voices=_NODES,
        sign=Sign.OWN_UPLOAD,
        meaning=Meaning.NOT_STARTED,
        tell="the runtime has lost the inputs that were uploaded to it",
    ),
    Row(
        name="comfyui: unknown model",
        voices=_NODES,
        sign=Sign.MISSING_MODELS,
        meaning=Meaning.FAILED,
        code=TaskCode.UNKNOWN_MODEL,
    ),
    Row(
        name="comfyui: refused nodes",
        voices=_NODES,
        meaning=Meaning.FAILED,
        code=TaskCode.BAD_GRAPH,
    ),
    # ComfyUI: the run (recordings 04 and 19), uploads (12), the queue (source note 17).
    Row(
        name="comfyui: node failed",
        voices=_RUN,
        meaning=Meaning.FAILED,
        code=_REFUSED,
        tell="{where} failed: {named}",
    ),
    Row(
        name="comfyui: upload too large",
        voices=_UPLOAD,
        statuses=frozenset({413}),
        meaning=Meaning.FAILED,
        code=TaskCode.INPUT_TOO_LARGE,
        tell="an input is larger than the runtime takes",
    ),
    Row(
        name="comfyui: upload refused",
        voices=_UPLOAD,
        statuses=frozenset({400}),
        meaning=Meaning.FAILED,
        code=TaskCode.INPUT_REFUSED,
        tell="the runtime does not take an input",
    ),
    Row(
        name="comfyui: upload not taken",
        voices=_UPLOAD,
        meaning=Meaning.NOT_STARTED,
        tell="the runtime answered {status} to an upload",
    ),
    Row(
        # The one thread that runs prompts has died, while the server goes on answering.
        name="comfyui: dead worker",
        voices=_QUEUE,
        sign=Sign.NEVER_BEGAN,
        meaning=Meaning.POISONED,
        tell="the runtime lost the run: {message}",
    ),
    Row(
        name="comfyui: lost", voices=_QUEUE, meaning=Meaning.LOST, tell="the runtime lost the run: {message}"
    ),
)
