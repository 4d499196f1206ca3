"""The target `image_context`: a Dockerfile and what it copies, as one tar with the same bytes at every build.

Every engine takes it (`docker build - < FILE`), also one on a machine without Pants, or for another architecture.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from pathlib import PurePath

from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact, OutputPathField, PackageFieldSet
from pants.core.util_rules.source_files import SourceFiles, SourceFilesRequest
from pants.engine.fs import AddPrefix, CreateDigest, Digest, FileContent, MergeDigests, RemovePrefix
from pants.engine.process import Process, ProcessResult
from pants.core.util_rules.environments import EnvironmentField
from pants.engine.rules import Get, MultiGet, collect_rules, rule
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    FieldSetsPerTarget,
    FieldSetsPerTargetRequest,
    SingleSourceField,
    Target,
    Targets,
    DependenciesRequest,
)
from pants.engine.unions import UnionRule
from pants.backend.python.util_rules.interpreter_constraints import InterpreterConstraints
from pants.backend.python.util_rules.pex_environment import PythonExecutable

PYTHON = "CPython==3.12.*"
FOLDER = "context"


class DockerfileField(SingleSourceField):
    required = True
    expected_num_files = 1
    help = "The Dockerfile."


class ContextDependenciesField(Dependencies):
    help = "Targets whose packages it copies; each is in the context under its output path."


class ImageContext(Target):
    alias = "image_context"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        EnvironmentField,
        DockerfileField,
        ContextDependenciesField,
        OutputPathField,
    )
    help = "What an engine needs to build an image, as one reproducible tar."


@dataclass(frozen=True)
class ImageContextFieldSet(PackageFieldSet):
    required_fields = (DockerfileField, ContextDependenciesField)

    dockerfile: DockerfileField
    dependencies: ContextDependenciesField
    output_path: OutputPathField


@rule(desc="Write image context")
async def package_image_context(field_set: ImageContextFieldSet) -> BuiltPackage:
    targets, dockerfile, python, script = await MultiGet(
        Get(Targets, DependenciesRequest(field_set.dependencies)),
        Get(SourceFiles, SourceFilesRequest([field_set.dockerfile])),
        Get(PythonExecutable, InterpreterConstraints([PYTHON])),
        Get(
            Digest, CreateDigest([FileContent("write_tar.py", pkgutil.get_data(__package__, "write_tar.py"))])
        ),
    )
    found = await Get(FieldSetsPerTarget, FieldSetsPerTargetRequest(PackageFieldSet, targets))
    packages = await MultiGet(Get(BuiltPackage, PackageFieldSet, each) for each in found.field_sets)
    # At the top, where engines look for it.
    top = await Get(
        Digest, RemovePrefix(dockerfile.snapshot.digest, str(PurePath(dockerfile.files[0]).parent))
    )
    content = await Get(Digest, MergeDigests((top, *(package.digest for package in packages))))
    inside = await Get(Digest, AddPrefix(content, FOLDER))
    path = field_set.output_path.value_or_default(file_ending="tar")
    result = await Get(
        ProcessResult,
        Process(
            argv=(python.path, "write_tar.py", FOLDER, path),
            input_digest=await Get(Digest, MergeDigests((inside, script))),
            output_files=(path,),
            description=f"Write {PurePath(path).name}",
        ),
    )
    return BuiltPackage(digest=result.output_digest, artifacts=(BuiltPackageArtifact(path),))


def target_types():
    return [ImageContext]


def rules():
    return (*collect_rules(), UnionRule(PackageFieldSet, ImageContextFieldSet))
