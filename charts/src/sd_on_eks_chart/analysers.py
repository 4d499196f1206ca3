"""For tests: cfn-lint and checkov, which have requirements of their own and so come as one executable."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# `runtime_package_dependencies=["//3rdparty:analysers"]` puts it into the working folder.
PEX = "analysers.pex"
FOLDER_ENV = "DARKROOM_ANALYSERS"  # names a folder with `cfn-lint` and `checkov` instead
TIMEOUT = 240.0  # seconds; the first start of a PEX file unpacks it


@dataclass(frozen=True)
class Report:
    """What checkov found: how many checks held, and which did not, as `<check> <resource>`."""

    passed: int
    failed: tuple[str, ...]
    skipped: tuple[str, ...]


def checkov(folder: Path, framework: str) -> Report:
    """Return what checkov says of the files of a framework (`cloudformation`, `kubernetes`) in a folder.

    Raises:
        AssertionError: it gave no answer, or one of files that it cannot read.
    """
    options = ["--framework", framework, "--skip-download", "--compact", "--output", "json"]
    done = _run("checkov", ["--directory", str(folder), *options])
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
        results = answer["results"]
        unread = results.get("parsing_errors")
    except (ValueError, KeyError, TypeError) as exc:
        raise AssertionError(f"checkov gave no answer: {done.stdout[:2000]}{done.stderr[-2000:]}") from exc
    assert not unread, f"checkov cannot read {unread}"
    return Report(
        passed=answer["summary"]["passed"],
        failed=_named(results.get("failed_checks", [])),
        skipped=_named(results.get("skipped_checks", [])),
    )


def cfn_lint(templates: Sequence[Path], *, regions: Sequence[str], ignored: Sequence[str] = ()) -> list[str]:
    """Return what cfn-lint says of templates that go to regions, a line each; some rules can be ignored.

    Raises:
        AssertionError: it gave no answer.
    """
    ignore = ["--ignore-checks", *ignored] if ignored else []
    options = ["--regions", *regions, "--format", "parseable", *ignore]
    done = _run("cfn-lint", [*options, "--template", *map(str, templates)])
    found = done.stdout.splitlines()
    assert found or done.returncode == 0, f"cfn-lint gave no answer: {done.stderr[-2000:]}"
    return found


def _named(checks: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(f"{check['check_id']} {check['resource']}" for check in checks))


def _run(tool: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "LANG", "PEX_ROOT") if name in os.environ}
    if folder := os.environ.get(FOLDER_ENV):
        command = [str(Path(folder) / tool)]
    else:
        # Not run directly: its first line asks for a python3.12 on PATH, which a sandbox may not have.
        command = [sys.executable, str(Path(PEX).absolute())]
        kept["PEX_SCRIPT"] = tool
    return subprocess.run(  # noqa: S603 - a tool of ours and our own arguments
        [*command, *arguments], capture_output=True, text=True, check=False, env=kept, timeout=TIMEOUT
    )
