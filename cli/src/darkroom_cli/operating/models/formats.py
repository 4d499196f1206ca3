"""Whether a file is the model that its name says: a safetensors header is read, pickles are refused.

The format of safetensors: eight bytes, little endian, the length of a JSON object; the object names tensors,
each with `dtype`, `shape` and `data_offsets` into the bytes that follow, which the tensors cover without gap
or overlap; `__metadata__` maps text to text.
"""

import json
import math
import struct
from pathlib import Path
from typing import Any

from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.operating.errors import ModelRefusedError

SAFETENSORS = ".safetensors"
PICKLES = (".ckpt", ".pt", ".pth", ".bin")
OTHERS = (".gguf", ".yaml", ".onnx")  # data; SD Web UI wants some checkpoints' .yaml beside them
MAX_HEADER = 100_000_000  # bytes; what the format's own reader takes
_LENGTH = 8  # bytes
_METADATA = "__metadata__"
# Bits of an element; an unknown type's size is left to who loads it.
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8,
    "U16": 16, "I16": 16, "F16": 16, "BF16": 16,
    "U32": 32, "I32": 32, "F32": 32,
    "U64": 64, "I64": 64, "F64": 64,
}  # fmt: skip


def check_model(path: Path, *, allow_pickle: bool) -> int:
    """Check a model file by its ending; return its size in bytes.

    Raises:
        BadRequestOptionError: it cannot be read, or has an ending that no server reads.
        ModelRefusedError: it is not what its ending says, or could run code.
    """
    try:
        if not path.is_file():
            raise BadRequestOptionError(f"{path} is not a file")
        size = path.stat().st_size
        ending = path.suffix.lower()
        if ending == SAFETENSORS:
            _check_safetensors(path, size)
        elif ending in PICKLES:
            _check_pickle(path, size, allowed=allow_pickle)
        elif ending not in OTHERS:
            raise BadRequestOptionError(
                f"{path}: servers read {SAFETENSORS}, {', '.join((*PICKLES, *OTHERS))}; give the file the"
                " ending that it was published with"
            )
    except OSError as exc:
        raise BadRequestOptionError(f"{path} cannot be read: {exc.strerror}") from exc
    return size


def _check_pickle(path: Path, size: int, *, allowed: bool) -> None:
    if not size:
        raise ModelRefusedError(f"{path} is empty")
    if not allowed:
        raise ModelRefusedError(
            f"{path}: a {path.suffix} is a Python pickle, which can run any code in the pod that loads it."
            f" Look for the model as {SAFETENSORS}, or convert it; --allow-pickle takes what you trust"
        )


def _check_safetensors(path: Path, size: int) -> None:
    header, data = _header(path, size)
    spans = []
    for name, tensor in header.items():
        if name == _METADATA:
            if not (isinstance(tensor, dict) and all(isinstance(one, str) for one in tensor.values())):
                raise _broken(path, f"{_METADATA} is not a mapping of text")
            continue
        spans.append((*_span(path, name, tensor), name))
    end = 0
    for start, stop, name in sorted(spans):
        if start != end:
            raise _broken(path, f"tensor {name} begins at {start}, where {end} is due")
        end = stop
    if end > data:
        raise _broken(path, f"{end - data} bytes are missing at its end: the download was cut off")
    if end < data:
        raise _broken(path, f"it has {data - end} bytes that belong to no tensor")
    if not spans:
        raise _broken(path, "it has no tensors")


def _header(path: Path, size: int) -> tuple[dict[str, Any], int]:
    """Return the header, and how many bytes of data follow."""
    with path.open("rb") as file:
        first = file.read(_LENGTH)
        if len(first) < _LENGTH:
            raise _broken(path, f"it has only {size} bytes")
        [length] = struct.unpack("<Q", first)
        if length > min(MAX_HEADER, size - _LENGTH):
            page = first.lstrip()[:1] == b"<"
            why = (
                "it is a web page: the download needs a login"
                if page
                else "the header is longer than the file"
            )
            raise _broken(path, why)
        text = file.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise _broken(path, "its header is not JSON") from exc
    if not isinstance(header, dict):
        raise _broken(path, "its header is not a JSON object")
    return header, size - _LENGTH - length


def _span(path: Path, name: str, tensor: Any) -> tuple[int, int]:
    match tensor:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(start), int(stop)]}:
            pass
        case _:
            raise _broken(path, f"tensor {name} has no dtype, shape and data_offsets")
    if not all(isinstance(side, int) and side >= 0 for side in shape) or not 0 <= start <= stop:
        raise _broken(path, f"tensor {name} has a shape or offsets that cannot be")
    bits = _BITS.get(dtype)
    if bits is not None and math.prod(shape) * bits != (stop - start) * 8:
        raise _broken(path, f"tensor {name}: {stop - start} bytes are not {shape} of {dtype}")
    return start, stop


def _broken(path: Path, why: str) -> ModelRefusedError:
    return ModelRefusedError(f"{path} is not a usable {SAFETENSORS}: {why}")
