def artifact_version(folder):
    """The version of the deployable in that folder: what its VERSION file says."""
    with open(f"{folder}/VERSION") as file:
        return file.read().strip()


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
