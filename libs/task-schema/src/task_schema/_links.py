"""Where in `content` a link stands for a file, and where it is a word like any other (DESIGN 4.4)."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from task_schema._codes import RequestCode
from task_schema._faults import Fault, join
from task_schema._uploads import UPLOAD_FORM, names_upload, upload_key

type JsonPath = tuple[str | int, ...]

#: Fields of SD Web UI's requests that hold text or settings: a URL in there is a word, not a picture.
TEXT_FIELDS = frozenset(
    {
        "comments",
        "force_task_id",
        "infotext",
        "name",
        "negative_prompt",
        "override_settings",
        "prompt",
        "sampler_index",
        "sampler_name",
        "scheduler",
        "script_name",
        "styles",
    }
)
#: Extensions name their own texts like this: `ad_prompt`, `hr_negative_prompt`, `prompts`.
TEXT_SUFFIXES = ("prompt", "prompts")
#: The file inputs of ComfyUI's nodes that load a file, by class: only in these a link is fetched.
LOADER_INPUTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "LoadImage": ("image",),
        "LoadImageMask": ("image",),
        "LoadImageOutput": ("image",),
        "LoadVideo": ("file",),
        "LoadAudio": ("audio",),
        "LoadLatent": ("latent",),
        "Load3D": ("model_file",),
        "VHS_LoadVideo": ("video",),
        "VHS_LoadVideoFFmpeg": ("video",),
        "VHS_LoadAudioUpload": ("audio",),
    }
)


def is_text_field(name: str) -> bool:
    """Whether a field holds text for people or models, in which a URL is left alone."""
    return name in TEXT_FIELDS or name.endswith(TEXT_SUFFIXES)


def strings_in(document: Any, skip: Callable[[str], bool] = is_text_field) -> Iterator[tuple[JsonPath, str]]:
    """Yield path and text of the strings of a JSON document, in its order.

    Args:
        document: any JSON value; a request may nest deeper than Python recurses.
        skip: says of a key whether all below it is passed over.
    """
    waiting: list[tuple[JsonPath, Any]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            members = [((*path, key), member) for key, member in value.items() if not skip(key)]
            waiting += reversed(members)
        elif isinstance(value, list):
            waiting += reversed([((*path, index), member) for index, member in enumerate(value)])
        elif isinstance(value, str):
            yield path, value


def loader_strings(
    graph: Mapping[str, Any], loaders: Mapping[str, tuple[str, ...]] = LOADER_INPUTS
) -> Iterator[tuple[JsonPath, str]]:
    """Yield path and text of the file inputs of a workflow's loader nodes; what is no node is passed over."""
    for node_id, node in graph.items():
        if not isinstance(node, dict) or not isinstance(inputs := node.get("inputs"), dict):
            continue
        kind = node.get("class_type")
        for name in loaders.get(kind, ()) if isinstance(kind, str) else ():
            if isinstance(value := inputs.get(name), str):
                yield (node_id, "inputs", name), value


def upload_faults(strings: Iterator[tuple[JsonPath, str]], prefix: str) -> list[Fault]:
    """Find the references to uploads that cannot be ones.

    Args:
        strings: those that may be links.
        prefix: path of the content in the request, for the faults' `field`.
    """
    return [
        Fault(code=RequestCode.BAD_VALUE, message=f"{field}: {UPLOAD_FORM}", field=field)
        for path, text in strings
        if names_upload(text) and upload_key(text) is None
        for field in [join(prefix, *path)]
    ]
