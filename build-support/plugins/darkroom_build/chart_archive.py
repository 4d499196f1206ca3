"""The target `chart_archive`: a Helm chart as an archive with the same bytes at every build.

The packer is ours (charts/src/sd_on_eks_chart), among the dependencies; Helm's own keeps the times of files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from pants.backend.python.util_rules.interpreter_constraints import InterpreterConstraints
from pants.backend.python.util_rules.pex_environment import PythonExecutable
from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact, OutputPathField, PackageFieldSet
from pants.core.util_rules.environments import EnvironmentField
from pants.core.util_rules.source_files import SourceFiles, SourceFilesRequest
from pants.engine.process import Process, ProcessResult
from pants.engine.rules import Get, MultiGet, collect_rules, rule
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    DependenciesRequest,
    SourcesField,
    StringField,
    Target,
    Targets,
)
from pants.engine.unions import UnionRule

PYTHON = "CPython==3.12.*"
PACKER = "sd_on_eks_chart"


class ChartField(StringField):
    alias = "chart"
    required = True
    help = "The chart's folder, seen from the BUILD file."


class ChartDependenciesField(Dependencies):
    help = "The chart's files and the packer."


class ChartArchive(Target):
    alias = "chart_archive"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        EnvironmentField,
        ChartField,
        ChartDependenciesField,
        OutputPathField,
    )
    help = "A reproducible archive of a Helm chart."


@dataclass(frozen=True)
class ChartArchiveFieldSet(PackageFieldSet):
    required_fields = (ChartField, ChartDependenciesField)

    chart: ChartField
    dependencies: ChartDependenciesField
    output_path: OutputPathField


@rule(desc="Write chart archive")
async def package_chart_archive(field_set: ChartArchiveFieldSet) -> BuiltPackage:
    targets, python = await MultiGet(
        Get(Targets, DependenciesRequest(field_set.dependencies)),
        Get(PythonExecutable, InterpreterConstraints([PYTHON])),
    )
    sources = await Get(
        SourceFiles,
        SourceFilesRequest(target[SourcesField] for target in targets if target.has_field(SourcesField)),
    )
    [packer] = [PurePath(path).parents[1] for path in sources.files if path.endswith(f"{PACKER}/__main__.py")]
    path = field_set.output_path.value_or_default(file_ending="tgz")
    chart = str(PurePath(field_set.address.spec_path, field_set.chart.value))
    result = await Get(
        ProcessResult,
        Process(
            argv=(python.path, "-m", PACKER, "pack", chart, "."),
            env={"PYTHONPATH": str(packer)},
            input_digest=sources.snapshot.digest,
            output_files=(path,),  # the name that Helm would give it: an output_path that differs is an error
            description=f"Write {path}",
        ),
    )
    return BuiltPackage(digest=result.output_digest, artifacts=(BuiltPackageArtifact(path),))


def target_types():
    return [ChartArchive]


def rules():
    return (*collect_rules(), UnionRule(PackageFieldSet, ChartArchiveFieldSet))
