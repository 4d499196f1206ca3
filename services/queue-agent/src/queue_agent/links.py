"""Links in a request: strings that as a whole are the URL of something the agent fetches (DESIGN 4.4)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from queue_agent.ports import InputLink, JsonPath
from s3io.inputs import is_link
from task_schema import is_text_field, strings_in


def find_links(document: Any, skip: Callable[[str], bool] = is_text_field) -> Iterator[InputLink]:
    """Yield the links of a JSON document in its order.

    Args:
        document: any JSON value; a request may nest deeper than Python recurses.
        skip: says of a key whether all below it is passed over.
    """
    for path, text in strings_in(document, skip):
        if is_link(text):
            yield InputLink(url=text, path=path)


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
