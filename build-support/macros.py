def artifact_version(folder):
    """The version of the deployable in that folder: what its VERSION file says."""
    with open(f"{folder}/VERSION") as file:
        return file.read().strip()


def chart_version(folder):
    """The version of the Helm chart in that folder."""
    with open(f"{folder}/Chart.yaml") as file:
        [version] = [line.split()[1] for line in file if line.startswith("version:")]
    return version


def never_in_lambda(*others):
    """Globs for `leave_out`: parts of packages that a function uses in part and never imports; `others` are its own."""
    utilities = [
        "auth_alpha",
        "batch",
        "circuit_breaker",
        "data_masking",
        "feature_flags",
        "idempotency",
        "kafka",
        "parameters",
        "parser",
        "streaming",
        "validation",
    ]
    return [
        *others,
        *[f"aws_lambda_powertools/utilities/{name}/*" for name in utilities],
        "pydantic/mypy.py",
    ]


def engine_image(engine, base, extra_build_args, **fields):
    """A docker_image, where an engine was named (DARKROOM_ENGINE) that can build it; `base` replaces the base image."""
    if engine:
        docker_image(
            extra_build_args=[*extra_build_args, *([f"PYTHON_IMAGE={base}"] if base else [])], **fields
        )


def function_zips(name, handler, **fields):
    """The zips of one Lambda function: `:lambda` for x86-64, `:lambda-arm64` for Graviton."""
    folder = f"services/{name}"
    for target, platform, prefix in (("lambda", "x86_64", ""), ("lambda-arm64", "arm64", "arm64-")):
        lambda_zip(
            name=target,
            handler=handler,
            complete_platforms=[f"build-support/platforms:python312-{platform}"],
            output_path=f"{name}-{prefix}{artifact_version(folder)}.zip",
            **fields,
        )


def library_wheel(name, description, suffix="", package=None):
    """The wheel of a library, for code outside this repository; `package` is what is imported, if not the name."""
    package = package or name.replace("-", "_")
    python_distribution(
        name="wheel",
        dependencies=[f"libs/{name}/src/{package}{suffix}", ":py_typed"],
        provides=python_artifact(
            name=f"darkroom-{name}",
            version=artifact_version(f"libs/{name}"),
            description=description,
            license="Apache-2.0",
            python_requires=">=3.12,<3.13",
        ),
        sdist=False,
        env_vars=[
            "SOURCE_DATE_EPOCH=315532800"
        ],  # the earliest time that a zip can say, not that of the build
    )
