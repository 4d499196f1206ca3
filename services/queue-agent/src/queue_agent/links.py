"""Links in a request: strings that as a whole are the URL of something the agent fetches (DESIGN 4.4)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from queue_agent.ports import InputLink, JsonPath
from s3io.inputs import is_link

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


def is_text_field(name: str) -> bool:
    """Whether a field holds text for people or models, in which a URL is left alone."""
    return name in TEXT_FIELDS or name.endswith(TEXT_SUFFIXES)


def find_links(document: Any, skip: Callable[[str], bool] = is_text_field) -> Iterator[InputLink]:
    """Yield the links of a JSON document in its order.

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
        elif isinstance(value, str) and is_link(value):
            yield InputLink(url=value, path=path)


def with_values(document: dict[str, Any], values: Mapping[JsonPath, Any]) -> dict[str, Any]:
    """Return the document with other values at some paths; the given one and what is shared stay as they are.

    Args:
        document: a JSON object in which every path of `values` exists.
        values: path -> new value.
    """
    copy = dict(document)
    copied: dict[JsonPath, Any] = {(): copy}
    for path, value in values.items():
        parent: Any = copy
        for depth, step in enumerate(path[:-1], start=1):
            here = path[:depth]
            if here not in copied:
                parent[step] = copied[here] = parent[step].copy()
            parent = copied[here]
        parent[path[-1]] = value
    return copy
