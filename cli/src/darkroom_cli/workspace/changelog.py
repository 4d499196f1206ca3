"""Changelogs in the format of Keep a Changelog."""

import re

UNRELEASED = "## [Unreleased]"

_SECTION = re.compile(r"^## ", re.MULTILINE)
_HEADING = re.compile(r"^#+ .*$", re.MULTILINE)


def unreleased(text: str) -> str:
    """Return what the section of the next release says; nothing if it has headings at most."""
    _, body, _ = _cut(text)
    return body.strip() if _HEADING.sub("", body).strip() else ""


def has_section(text: str, version: str) -> bool:
    """Whether a version has its section."""
    return re.search(rf"^## \[{re.escape(version)}\]", text, re.MULTILINE) is not None


def released(text: str, version: str, date: str) -> str:
    """Return the changelog with what was unreleased below a version and its date (ISO 8601)."""
    before, body, after = _cut(text)
    rest = f"\n\n{after}" if after else "\n"
    return f"{before}{UNRELEASED}\n\n## [{version}] - {date}\n\n{body.strip()}{rest}"


def noted(text: str, line: str) -> str:
    """Return the changelog with one more line among what will have changed (`### Changed`)."""
    before, body, after = _cut(text)
    heading = "### Changed"
    if heading in body:
        start, _, entries = body.partition(heading)
        own, more = _cut_at(entries, re.compile(r"^### ", re.MULTILINE))
        body = f"{start}{heading}\n\n{own.strip()}\n{line}\n\n{more}"
    else:
        body = f"{body.strip()}\n\n{heading}\n\n{line}"
    rest = f"\n\n{after}" if after else "\n"
    return f"{before}{UNRELEASED}\n\n{body.strip()}{rest}"


def _cut(text: str) -> tuple[str, str, str]:
    """Return what is before the unreleased section, in it, and after; an absent one is empty and first."""
    if UNRELEASED not in text:
        before, after = _cut_at(text, _SECTION)
        return before if before.endswith("\n\n") else f"{before.rstrip()}\n\n", "", after
    before, _, rest = text.partition(UNRELEASED)
    body, after = _cut_at(rest, _SECTION)
    return before, body, after


def _cut_at(text: str, mark: re.Pattern[str]) -> tuple[str, str]:
    found = mark.search(text)
    return (text, "") if found is None else (text[: found.start()], text[found.start() :])
