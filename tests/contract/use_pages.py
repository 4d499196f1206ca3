"""The pages of docs/use, and the examples in them."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

USE = Path("docs/use")
OTHERS = {"webhooks.md"}  # has tests of its own
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(USE.glob("*.md"))}


def blocks(language: str) -> dict[str, str]:
    """Return all code blocks of a language, by page and number."""
    block = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return {
        f"{name} {number}": text
        for name, page in PAGES.items()
        if name not in OTHERS
        for number, text in enumerate(block.findall(page), start=1)
    }


JSON = blocks("json")
SCRIPTS = blocks("sh")


def curls(script: str) -> Iterator[list[str]]:
    """Yield the words of the curl of a script, which is its last command."""
    joined = script.replace("\\\n", " ")
    for match in re.finditer(r"^\s*curl .*", joined, re.MULTILINE | re.DOTALL):
        yield shlex.split(match.group())


def option(words: Sequence[str], name: str) -> str | None:
    """Return what follows an option; None where it is not given."""
    return words[words.index(name) + 1] if name in words else None


def posted() -> dict[str, str]:
    """Return the bodies that the scripts post, by page and number of the script."""
    given = ((name, option(words, "-d")) for name, text in SCRIPTS.items() for words in curls(text))
    return {f"{name} posts": data for name, data in given if data not in {None, "@-"} and data is not None}
