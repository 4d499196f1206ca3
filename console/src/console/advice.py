"""What to do about the error of a task, in a sentence or two; docs/use/errors.md has the whole table."""

from task_schema import TaskCode

_OTHER = "The message says more. If it does not help, ask whoever operates the system."
_ADVICE = {
    TaskCode.UNREADABLE_MESSAGE: (
        "The message that was published could not be read. The error says why; the operator finds it kept."
    ),
    TaskCode.UNKNOWN_RUNTIME: (
        "Name a runtime that there is, both in metadata.runtime and in the message's attribute."
    ),
    TaskCode.UNSUPPORTED_TASKTYPE: (
        "Choose a runtime that serves this task type, or a type that this runtime serves."
    ),
    TaskCode.INPUT_UNREACHABLE: (
        "Check that the link answers, and will still do so when the task starts. A file of yours: upload it"
        " again."
    ),
    TaskCode.INPUT_REFUSED: (
        "A link may lead to a whole picture on the public web, or at a place in inputs.hosts or inputs.s3 of"
        " config.yaml. Or upload the picture."
    ),
    TaskCode.INPUT_TOO_LARGE: "Make the picture smaller, in bytes or in pixels.",
    TaskCode.RUNTIME_REFUSED: (
        "The runtime does not take a value of the request, such as a sampler or an upscaler. The message"
        " names it."
    ),
    TaskCode.BAD_GRAPH: (
        "ComfyUI does not take this workflow. The message names the node: change it, and export the workflow"
        " in API format."
    ),
    TaskCode.UNKNOWN_MODEL: "Put the model into the model bucket, or name one that the runtime has.",
    TaskCode.NO_OUTPUT: "It ran and saved nothing. A workflow needs a node that saves, such as SaveImage.",
    TaskCode.OUT_OF_MEMORY: (
        "Ask for smaller pictures or fewer at once, or take a runtime with a larger GPU."
    ),
    TaskCode.TIMEOUT: (
        "Ask for fewer steps or pictures. The operator sets the limit: INFERENCE_LIMIT_SECONDS of the agent."
    ),
    TaskCode.ATTEMPTS_EXHAUSTED: (
        "The runtime or its node was lost three times while this ran. Submit it once more; if it ends the"
        " same way, tell the operator."
    ),
    TaskCode.NOT_PUBLISHED: "A service failed before it came to a queue. Submit it again.",
    TaskCode.EXPIRED: (
        "Nothing had time for it before it expired. Submit it again, with a longer expires_in or when less"
        " is queued; more GPUs help too."
    ),
    TaskCode.CONFLICT: "Another task had this id and had not ended. Take another id.",
    TaskCode.INTERNAL: "This is a fault of the system. Submit it again, and tell the operator.",
}


def advice_on(code: str) -> str | None:
    """Return what to do about an error; None where there is nothing to be done.

    A newer API may have codes that are not known here.
    """
    if code == TaskCode.CANCELLED:
        return None
    return next((text for known, text in _ADVICE.items() if known == code), _OTHER)
