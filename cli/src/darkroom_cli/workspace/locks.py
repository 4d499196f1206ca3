"""Which third-party packages a new lock brings in another version, and who has them inside."""

import re
from collections import defaultdict
from collections.abc import Iterable

from darkroom_cli.workspace.tools import Target

FOLDER = "3rdparty/locks/"

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


def changed_packages(old: str, new: str) -> set[str]:
    """Return the packages of which two locks have different lines, and all that these came with."""
    before, after = _blocks(old), _blocks(new)
    users: defaultdict[str, set[str]] = defaultdict(set)
    for blocks in (before, after):
        for name, lines in blocks.items():
            users[name] |= _wanted_by(lines)
    found: set[str] = set()
    waiting = [
        name for name in {*before, *after} if _pins(before.get(name, [])) != _pins(after.get(name, []))
    ]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += users[name]
    return found


def holders(
    targets: Iterable[Target], resolve: str, packages: Iterable[str], kinds: Iterable[str]
) -> set[str]:
    """Return the addresses of those kinds with one of the packages, of that lock, inside."""
    known = {target.address: target for target in targets}
    wanted = {
        address
        for package in packages
        for address in (f"3rdparty:{package}", f"3rdparty:{package}@resolve={resolve}")
        if address in known
    }
    return {
        target.address
        for target in known.values()
        if target.kind in kinds and wanted & closure(known, target.address)
    }


def closure(known: dict[str, Target], address: str) -> set[str]:
    """Return all that is inside of what is built from a target."""
    left_out = known[address].left_out
    seen: set[str] = set()
    waiting = [address]
    while waiting:
        one = waiting.pop()
        if one in seen or one in left_out or one not in known:
            continue
        seen.add(one)
        waiting += known[one].dependencies
    return seen


def _blocks(lock: str) -> dict[str, list[str]]:
    """Cut a lock into its packages: version, hashes, and comments that say what it came with."""
    blocks: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in lock.splitlines():
        if found := _PINNED.match(line):
            lines = blocks.setdefault(found.group(1).lower(), [])
        lines.append(line.strip())
    return blocks


def _pins(lines: Iterable[str]) -> list[str]:
    return [line.removesuffix("\\").rstrip() for line in lines if line and not line.startswith("#")]


def _wanted_by(lines: Iterable[str]) -> set[str]:
    """Read `# via a` and the list below `# via`; what begins with -r is a list of ours."""
    told = (line.lstrip("# ").removeprefix("via").strip() for line in lines if line.startswith("#"))
    return {name.split("[")[0].lower() for name in told if name and not name.startswith("-r")}
