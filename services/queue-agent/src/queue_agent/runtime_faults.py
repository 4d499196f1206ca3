"""Signs in what a runtime says that hold for both of them: what is the GPU's fault, what is the machine's."""

from queue_agent.errors import RuntimeLostError
from task_schema import TaskCode

_OUT_OF_MEMORY = (
    "outofmemoryerror",
    "out of memory",
    "allocation on device",
    "memoryerror",
    "defaultcpuallocator: can't allocate",
)
# After these every further use of the device fails too, until the process is started again.
_POISONED = (
    "cuda error",
    "device-side assert",
    "cublas_status",
    "cudnn_status",
    "cudnn error",
    "hip error",
    "acceleratorerror",
)
_MACHINE = ("no space left on device", "input/output error", "too many open files", "read-only file system")


def hardware_fault(kind: str, message: str) -> RuntimeLostError | None:
    """Recognise a failure that no other request would have been spared.

    Args:
        kind: the exception's type, as the runtime names it.
        message: what the exception says.

    Returns:
        The error to raise, with `out_of_memory` as its code where memory ran out; None where the request
        itself may be at fault.
    """
    text = f"{kind} {message}".lower()
    if _any(text, _OUT_OF_MEMORY):
        return RuntimeLostError(
            f"the runtime ran out of memory: {message or kind}", code=TaskCode.OUT_OF_MEMORY
        )
    if _any(text, _POISONED):
        return RuntimeLostError(f"the GPU failed: {message or kind}")
    if _any(text, _MACHINE):
        return RuntimeLostError(f"the runtime's machine failed: {message or kind}")
    return None


def _any(text: str, signs: tuple[str, ...]) -> bool:
    return any(sign in text for sign in signs)
