"""Mypy as Pants' `check` goal, over all code of one lock at a time, tests included.

Pants has a backend for mypy, but in one run mypy cannot have two files whose modules have the same name, and finds no
package in a folder with a dash: with it, `libs/task-store/tests/conftest.py` and that of another library are both
`conftest`. So tests are checked under other paths, where every file has a module name of its own; what mypy says is
printed with the real ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePath
from typing import Iterable

from pants.backend.python.subsystems.python_tool_base import LockfileRules, PythonToolBase
from pants.backend.python.subsystems.setup import PythonSetup
from pants.backend.python.target_types import ConsoleScript, PythonResolveField, PythonSourceField
from pants.backend.python.util_rules import pex_from_targets
from pants.backend.python.util_rules.interpreter_constraints import InterpreterConstraints
from pants.backend.python.util_rules.pex import Pex, PexRequest, VenvPex, VenvPexProcess
from pants.backend.python.util_rules.pex_from_targets import RequirementsPexRequest
from pants.backend.python.util_rules.python_sources import PythonSourceFiles, PythonSourceFilesRequest
from pants.base.build_root import BuildRoot
from pants.core.goals.check import CheckRequest, CheckResult, CheckResults
from pants.core.util_rules.config_files import ConfigFiles, ConfigFilesRequest
from pants.core.util_rules.source_files import SourceFiles, SourceFilesRequest
from pants.engine.fs import CreateDigest, Digest, DigestContents, FileContent, MergeDigests
from pants.engine.process import FallibleProcessResult
from pants.engine.rules import Get, MultiGet, collect_rules, rule
from pants.engine.target import CoarsenedTargets, CoarsenedTargetsRequest, FieldSet
from pants.engine.unions import UnionRule
from pants.option.option_types import SkipOption
from pants.util.strutil import strip_v2_chroot_path

TESTS = "tests_of"


class Mypy(PythonToolBase):
    options_scope = "mypy-tool"
    name = "mypy"
    help = "Mypy: the type checker."
    default_version = "mypy"
    default_requirements = ["mypy"]
    default_main = ConsoleScript("mypy")
    register_interpreter_constraints = True
    # Never read: pants.toml sets install_from_resolve.
    default_lockfile_resource = ("pants.backend.python.typecheck.mypy", "mypy.lock")
    lockfile_rules_type = LockfileRules.SIMPLE
    skip = SkipOption("check")


@dataclass(frozen=True)
class TypedFile(FieldSet):
    required_fields = (PythonSourceField,)

    source: PythonSourceField
    resolve: PythonResolveField


class MypyRequest(CheckRequest):
    field_set_type = TypedFile
    tool_name = Mypy.options_scope


@dataclass(frozen=True)
class Partition:
    """Everything to check that is built with one lock."""

    resolve: str
    files: tuple[TypedFile, ...]


@dataclass(frozen=True)
class Gathered:
    """What mypy reads of a partition.

    Attributes:
        venv: the third-party code; mypy itself runs in a venv of its own.
        files: all sources where mypy sees them, and `files.txt`, the list of those to check.
        wanted: the files to check, with their real paths.
        roots: source roots, sorted.
    """

    venv: VenvPex
    files: Digest
    wanted: tuple[str, ...]
    roots: tuple[str, ...]


def checked_as(path: str) -> str:
    """Where mypy sees a file: tests beside code move, everything else stays, packages of tests' own too."""
    parts = PurePath(path).parts
    if "tests" not in parts[1:] or "src" in parts[parts.index("tests", 1) :]:
        return path
    return "/".join((TESTS, *(part.replace("-", "_") for part in parts)))


def real_paths(output: str, moved: Iterable[str]) -> str:
    """What mypy said, with the paths that the files have."""
    back = {checked_as(path): path for path in moved}
    lines = []
    for line in output.splitlines(keepends=True):
        path, colon, rest = line.partition(":")
        lines.append(back.get(path, path) + colon + rest)
    return "".join(lines)


@rule(desc="Bring together what mypy reads")
async def gather(partition: Partition, setup: PythonSetup) -> Gathered:
    constraints = InterpreterConstraints(setup.interpreter_constraints)
    addresses = [file.address for file in partition.files]
    requirements, wanted, targets = await MultiGet(
        Get(Pex, RequirementsPexRequest(addresses, hardcoded_interpreter_constraints=constraints)),
        Get(SourceFiles, SourceFilesRequest(file.source for file in partition.files)),
        Get(CoarsenedTargets, CoarsenedTargetsRequest(addresses)),
    )
    venv, sources = await MultiGet(
        Get(
            VenvPex,
            PexRequest(
                output_filename="requirements_venv.pex",
                internal_only=True,
                pex_path=[requirements],
                interpreter_constraints=constraints,
            ),
        ),
        Get(PythonSourceFiles, PythonSourceFilesRequest(targets.closure())),
    )
    contents = await Get(DigestContents, Digest, sources.source_files.snapshot.digest)
    files = await Get(
        Digest,
        CreateDigest(
            (
                *(FileContent(checked_as(file.path), file.content) for file in contents),
                FileContent("files.txt", "\n".join(map(checked_as, wanted.files)).encode()),
            )
        ),
    )
    return Gathered(venv, files, wanted.files, tuple(sorted(sources.source_roots)))


@rule(desc="Check types with mypy")
async def check_partition(
    partition: Partition, mypy: Mypy, setup: PythonSetup, build_root: BuildRoot
) -> CheckResult:
    constraints = InterpreterConstraints(setup.interpreter_constraints)
    tool, config, given = await MultiGet(
        Get(VenvPex, PexRequest, mypy.to_pex_request(interpreter_constraints=constraints)),
        Get(ConfigFiles, ConfigFilesRequest(discovery=True, check_content={"pyproject.toml": b"[tool.mypy"})),
        Get(Gathered, Partition, partition),
    )
    digest = await Get(Digest, MergeDigests((given.files, given.venv.digest, config.snapshot.digest)))
    cache = ".cache/mypy"
    # One for each lock and checkout, so that no two runs at once share one.
    cache_key = sha256(f"{build_root.path}:{partition.resolve}".encode()).hexdigest()[:16]
    process = VenvPexProcess(
        tool,
        argv=(
            f"--python-executable={given.venv.python.argv0}",
            f"--config-file={config.snapshot.files[0]}",
            f"--cache-dir={cache}/{cache_key}",
            "--skip-cache-mtime-check",  # files of a sandbox are always new
            "@files.txt",
        ),
        input_digest=digest,
        extra_env={
            "MYPYPATH": ":".join(given.roots),
            "MYPY_FORCE_TERMINAL_WIDTH": "100000",
        },
        append_only_caches={"darkroom_mypy": cache},
        description=f"mypy: {len(given.wanted)} files of {partition.resolve}",
    )
    result = await Get(FallibleProcessResult, VenvPexProcess, process)
    return CheckResult(
        result.exit_code,
        real_paths(strip_v2_chroot_path(result.stdout), given.wanted),
        strip_v2_chroot_path(result.stderr),
        partition_description=partition.resolve,
    )


@rule
async def check(request: MypyRequest, mypy: Mypy, setup: PythonSetup) -> CheckResults:
    by_resolve: dict[str, list[TypedFile]] = {}
    if not mypy.skip:
        for file in request.field_sets:
            by_resolve.setdefault(file.resolve.normalized_value(setup), []).append(file)
    results = await MultiGet(
        Get(CheckResult, Partition(resolve, tuple(files))) for resolve, files in sorted(by_resolve.items())
    )
    return CheckResults(results, checker_name=request.tool_name)


def rules():
    return (*collect_rules(), *pex_from_targets.rules(), UnionRule(CheckRequest, MypyRequest))
