"""The target `page_sources`: what a page in the browser is built from, linted by Biome and checked by TypeScript.

Both run as scripts of the page's package.json, after `npm ci`, so that a developer who works in that folder alone gets
the very same answers.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Iterable

from pants.core.goals.check import CheckRequest, CheckResult, CheckResults
from pants.core.goals.lint import LintResult, LintTargetsRequest
from pants.core.util_rules.partitions import PartitionerType
from pants.core.util_rules.source_files import SourceFiles, SourceFilesRequest
from pants.engine.env_vars import EnvironmentVars, EnvironmentVarsRequest
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import Get, MultiGet, collect_rules, rule
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    FieldSet,
    MultipleSourcesField,
    Target,
)
from pants.engine.unions import UnionRule
from pants.option.option_types import SkipOption
from pants.option.subsystem import Subsystem

INSTALL = "npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error --silent"
LOCK = "package-lock.json"


class Biome(Subsystem):
    options_scope = "biome"
    name = "biome"
    help = "Biome: linter and formatter of TypeScript."
    skip = SkipOption("lint")


class TypeScript(Subsystem):
    options_scope = "typescript"
    name = "tsc"
    help = "TypeScript's compiler, as a type checker."
    skip = SkipOption("check")


class PageSourcesField(MultipleSourcesField):
    # As loose files they can be inputs of a shell_command, too.
    uses_source_roots = False


class PageSources(Target):
    alias = "page_sources"
    core_fields = (*COMMON_TARGET_FIELDS, Dependencies, PageSourcesField)
    help = "What a page is built from, with the package.json and package-lock.json of its tools among it."


@dataclass(frozen=True)
class Page(FieldSet):
    required_fields = (PageSourcesField,)
    sources: PageSourcesField


@dataclass(frozen=True)
class RunScript:
    """Runs a script of the package.json that is among a page's files."""

    script: str
    page: Page


@rule
async def run_script(request: RunScript) -> FallibleProcessResult:
    sources, environment = await MultiGet(
        Get(SourceFiles, SourceFilesRequest([request.page.sources])),
        Get(EnvironmentVars, EnvironmentVarsRequest(["HOME", "PATH"])),
    )
    folder = next(str(PurePath(file).parent) for file in sources.files if PurePath(file).name == LOCK)
    return await Get(
        FallibleProcessResult,
        Process(
            argv=("/bin/sh", "-c", f"cd {shlex.quote(folder)} && {INSTALL} && npm run --silent {request.script}"),
            env=environment,
            input_digest=sources.snapshot.digest,
            description=f"npm run {request.script} in {folder}",
        ),
    )


class BiomeLint(LintTargetsRequest):
    field_set_type = Page
    tool_subsystem = Biome
    partitioner_type = PartitionerType.DEFAULT_ONE_PARTITION_PER_INPUT


class TypeScriptCheck(CheckRequest):
    field_set_type = Page
    tool_name = TypeScript.name


@rule(desc="Lint with biome")
async def biome(request: BiomeLint.Batch[Page, Any]) -> LintResult:
    (page,) = request.elements
    return LintResult.create(request, await Get(FallibleProcessResult, RunScript("lint", page)))


@rule(desc="Check with tsc")
async def tsc(request: TypeScriptCheck, tool: TypeScript) -> CheckResults:
    results: Iterable[FallibleProcessResult] = ()
    if not tool.skip:
        results = await MultiGet(Get(FallibleProcessResult, RunScript("check", page)) for page in request.field_sets)
    return CheckResults(
        [CheckResult.from_fallible_process_result(result) for result in results], checker_name=request.tool_name
    )


def target_types():
    return [PageSources]


def rules():
    return (*collect_rules(), *BiomeLint.rules(), UnionRule(CheckRequest, TypeScriptCheck))
