"""The target `page_sources`: what a page in the browser is built from. It is resources of whatever depends on it: the built
page; Biome lints it, TypeScript checks it.

All three are scripts of the page's package.json, after `npm ci`: a developer who works in that folder alone gets the very
same answers.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Iterable, Optional

from pants.core.goals.check import CheckRequest, CheckResult, CheckResults
from pants.core.goals.lint import LintResult, LintTargetsRequest
from pants.core.target_types import ResourceSourceField
from pants.core.util_rules.partitions import PartitionerType
from pants.core.util_rules.source_files import SourceFiles, SourceFilesRequest
from pants.engine.env_vars import EnvironmentVars, EnvironmentVarsRequest
from pants.engine.fs import AddPrefix, Digest, RemovePrefix, Snapshot
from pants.engine.process import FallibleProcessResult, Process, ProcessResult
from pants.engine.rules import Get, MultiGet, collect_rules, rule
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    FieldSet,
    GeneratedSources,
    GenerateSourcesRequest,
    MultipleSourcesField,
    StringField,
    Target,
)
from pants.engine.unions import UnionRule
from pants.option.option_types import SkipOption
from pants.option.subsystem import Subsystem

INSTALL = "npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error --silent"
LOCK = "package-lock.json"
BUILT = "built"  # where the script `build` leaves the page


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
    pass


class BuiltIntoField(StringField):
    alias = "built_into"
    required = True
    help = "The folder, from the root of the repository, that the built page is in for those who depend on it."


class PageSources(Target):
    alias = "page_sources"
    core_fields = (*COMMON_TARGET_FIELDS, BuiltIntoField, Dependencies, PageSourcesField)
    help = "What a page is built from, with the package.json and package-lock.json of its tools among it."


class BuildPage(GenerateSourcesRequest):
    input = PageSourcesField
    output = ResourceSourceField


@dataclass(frozen=True)
class Page(FieldSet):
    required_fields = (PageSourcesField,)
    sources: PageSourcesField


@dataclass(frozen=True)
class RunScript:
    """Runs a script of the package.json that is among a page's files; `output`: the folder that it makes beside that."""

    script: str
    files: Snapshot
    output: Optional[str] = None


def folder_of(files: Snapshot) -> str:
    return next(str(PurePath(file).parent) for file in files.files if PurePath(file).name == LOCK)


@rule
async def script_process(request: RunScript) -> Process:
    environment = await Get(EnvironmentVars, EnvironmentVarsRequest(["HOME", "PATH"]))
    folder = folder_of(request.files)
    command = f"cd {shlex.quote(folder)} && {INSTALL} && npm run --silent {request.script}"
    return Process(
        argv=("/bin/sh", "-c", command),
        env=environment,
        input_digest=request.files.digest,
        output_directories=(f"{folder}/{request.output}",) if request.output else (),
        description=f"npm run {request.script} in {folder}",
    )


@rule(desc="Build a page")
async def build_page(request: BuildPage) -> GeneratedSources:
    built = await Get(ProcessResult, RunScript("build", request.protocol_sources, output=BUILT))
    files = await Get(Digest, RemovePrefix(built.output_digest, f"{folder_of(request.protocol_sources)}/{BUILT}"))
    return GeneratedSources(await Get(Snapshot, AddPrefix(files, request.protocol_target[BuiltIntoField].value)))


class BiomeLint(LintTargetsRequest):
    field_set_type = Page
    tool_subsystem = Biome
    partitioner_type = PartitionerType.DEFAULT_ONE_PARTITION_PER_INPUT


class TypeScriptCheck(CheckRequest):
    field_set_type = Page
    tool_name = TypeScript.name


@rule(desc="Lint with biome")
async def biome(request: BiomeLint.Batch[Page, Any]) -> LintResult:
    sources = await Get(SourceFiles, SourceFilesRequest(page.sources for page in request.elements))
    return LintResult.create(request, await Get(FallibleProcessResult, RunScript("lint", sources.snapshot)))


@rule(desc="Check with tsc")
async def tsc(request: TypeScriptCheck, tool: TypeScript) -> CheckResults:
    results: Iterable[FallibleProcessResult] = ()
    if not tool.skip:
        pages = await MultiGet(Get(SourceFiles, SourceFilesRequest([page.sources])) for page in request.field_sets)
        results = await MultiGet(Get(FallibleProcessResult, RunScript("check", page.snapshot)) for page in pages)
    return CheckResults(
        [CheckResult.from_fallible_process_result(result) for result in results], checker_name=request.tool_name
    )


def target_types():
    return [PageSources]


def rules():
    return (
        *collect_rules(),
        *BiomeLint.rules(),
        UnionRule(CheckRequest, TypeScriptCheck),
        UnionRule(GenerateSourcesRequest, BuildPage),
    )
