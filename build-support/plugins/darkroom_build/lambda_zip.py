"""The target `lambda_zip`: an AWS Lambda function's zip with bytecode inside, the same bytes at every build.

Pants resolves and lays out the function (code, requirements, `lambda_function.handler`); `write_zip.py` beside this file
writes the zip from that.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from pathlib import PurePath

from pants.backend.awslambda.python.target_types import PythonAwsLambdaRuntime
from pants.backend.python.target_types import PythonResolveField
from pants.backend.python.util_rules.faas import (
    BuildPythonFaaSRequest,
    PythonFaaSCompletePlatforms,
    PythonFaaSDependencies,
    PythonFaaSHandlerField,
)
from pants.backend.python.util_rules.faas import rules as faas_rules
from pants.backend.python.util_rules.interpreter_constraints import InterpreterConstraints
from pants.backend.python.util_rules.pex_environment import PythonExecutable
from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact, OutputPathField, PackageFieldSet
from pants.core.util_rules.environments import EnvironmentField
from pants.engine.fs import CreateDigest, Digest, FileContent, MergeDigests
from pants.engine.process import Process, ProcessResult
from pants.engine.rules import Get, MultiGet, collect_rules, rule
from pants.engine.target import COMMON_TARGET_FIELDS, StringSequenceField, Target
from pants.engine.unions import UnionRule

HANDLER_MODULE = "lambda_function"
# Bytecode is for one minor version; the name of the runtime in AWS is python3.12.
PYTHON = "CPython==3.12.*"


class HandlerField(PythonFaaSHandlerField):
    help = "The function to call, as `package.module:function`; in AWS it is lambda_function.handler."


class LeaveOutField(StringSequenceField):
    alias = "leave_out"
    help = "Globs of paths in the zip that the function never needs, such as `package/unused/*`."


class LambdaZip(Target):
    alias = "lambda_zip"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        EnvironmentField,
        HandlerField,
        LeaveOutField,
        OutputPathField,
        PythonFaaSCompletePlatforms,
        PythonFaaSDependencies,
        PythonResolveField,
    )
    help = "A reproducible zip of a Python function for AWS Lambda, with bytecode inside."


@dataclass(frozen=True)
class LambdaZipFieldSet(PackageFieldSet):
    required_fields = (HandlerField, PythonFaaSCompletePlatforms)

    handler: HandlerField
    leave_out: LeaveOutField
    output_path: OutputPathField
    platforms: PythonFaaSCompletePlatforms


@rule(desc="Write Lambda zip")
async def package_lambda_zip(field_set: LambdaZipFieldSet) -> BuiltPackage:
    layout, python, script = await MultiGet(
        Get(
            BuiltPackage,
            BuildPythonFaaSRequest(
                address=field_set.address,
                target_name=LambdaZip.alias,
                complete_platforms=field_set.platforms,
                runtime=PythonAwsLambdaRuntime(None, field_set.address),
                handler=field_set.handler,
                output_path=field_set.output_path,
                include_requirements=True,
                reexported_handler_module=HANDLER_MODULE,
            ),
        ),
        Get(PythonExecutable, InterpreterConstraints([PYTHON])),
        Get(
            Digest, CreateDigest([FileContent("write_zip.py", pkgutil.get_data(__package__, "write_zip.py"))])
        ),
    )
    path = field_set.output_path.value_or_default(file_ending="zip")
    digest = await Get(Digest, MergeDigests((layout.digest, script)))
    result = await Get(
        ProcessResult,
        Process(
            argv=(python.path, "write_zip.py", path, *(field_set.leave_out.value or ())),
            # With a random seed the constants of bytecode may come in another order.
            env={"PYTHONHASHSEED": "0"},
            input_digest=digest,
            output_files=(path,),
            description=f"Write {PurePath(path).name}",
        ),
    )
    return BuiltPackage(
        digest=result.output_digest,
        artifacts=(BuiltPackageArtifact(path, extra_log_lines=(f"    Handler: {HANDLER_MODULE}.handler",)),),
    )


def target_types():
    return [LambdaZip]


def rules():
    return (*collect_rules(), *faas_rules(), UnionRule(PackageFieldSet, LambdaZipFieldSet))
