"""Environments of the functions behind the API: who they talk to, and which runtimes there are."""

import json
from collections.abc import Mapping, Sequence

from infra.errors import EnvironmentTooBigError
from task_schema import Deployment

# Lambda measures all variables together, as one JSON object.
MAX_ENVIRONMENT_BYTES = 4096

# Names are made at deployment, so the longest that each service allows are counted.
_LONGEST = {
    "TASKS_TABLE": "t" * 255,
    "REQUESTS_TOPIC_ARN": "t" * (len("arn:aws-us-gov:sns:ap-southeast-99:123456789012:") + 256),
    "PAYLOAD_BUCKET": "b" * 63,
    "OUTPUT_BUCKET": "b" * 63,
    "NOTIFICATIONS_TOPIC_ARN": "t" * (len("arn:aws-us-gov:sns:ap-southeast-99:123456789012:") + 256),
}
_LONGEST_QUEUE = "q" * 80


def validator_environment(
    *,
    tasks_table: str,
    requests_topic_arn: str,
    payload_bucket: str,
    output_bucket: str,
    deployment: Deployment,
    fair_queues: bool,
) -> dict[str, str]:
    """Return the validator's environment variables.

    Raises:
        EnvironmentTooBigError: the deployment has too many runtimes for it.
    """
    environment = {
        "TASKS_TABLE": tasks_table,
        "REQUESTS_TOPIC_ARN": requests_topic_arn,
        "PAYLOAD_BUCKET": payload_bucket,
        "OUTPUT_BUCKET": output_bucket,
        "RUNTIMES": runtimes_json(deployment),
        "INSECURE_CALLBACKS": "false",
        "FAIR_QUEUES": "true" if fair_queues else "false",
        "POWERTOOLS_SERVICE_NAME": "validator",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }
    _check_size(_at_its_longest(environment), runtimes=len(deployment.runtimes))
    return environment


def status_environment(
    *,
    tasks_table: str,
    notifications_topic_arn: str,
    payload_bucket: str,
    output_bucket: str,
    runtimes: Sequence[str],
) -> dict[str, str]:
    """Return the status function's environment variables, all but `RUNTIMES`, which `status_queues` is for.

    Raises:
        EnvironmentTooBigError: the deployment has too many runtimes for it.
    """
    environment = {
        "TASKS_TABLE": tasks_table,
        "NOTIFICATIONS_TOPIC_ARN": notifications_topic_arn,
        "PAYLOAD_BUCKET": payload_bucket,
        "OUTPUT_BUCKET": output_bucket,
        "POWERTOOLS_SERVICE_NAME": "status",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }
    named = {"RUNTIMES": _compact(dict.fromkeys(runtimes))}
    _check_size(_at_its_longest(environment | named), runtimes=len(runtimes))
    return environment


def status_queues[Name](environment: Mapping[str, str], queues: Mapping[str, Name]) -> dict[str, Name | None]:
    """Return the queues' names that the status function is told: all of them, or none if they may not fit.

    Args:
        environment: its other variables.
        queues: the name of each runtime's queue, which CloudFormation makes.
    """
    longest = _compact(dict.fromkeys(queues, _LONGEST_QUEUE))
    fit = _size(_at_its_longest({**environment, "RUNTIMES": longest})) <= MAX_ENVIRONMENT_BYTES
    return {runtime: name if fit else None for runtime, name in queues.items()}


def runtimes_json(deployment: Deployment) -> str:
    """Return the runtimes as compact JSON, each with what differs from the defaults."""
    specs = [
        spec.model_dump(mode="json", by_alias=True, exclude_defaults=True) for spec in deployment.runtimes
    ]
    return _compact(specs)


def _check_size(environment: Mapping[str, str], *, runtimes: int) -> None:
    size = _size(environment)
    if size > MAX_ENVIRONMENT_BYTES:
        share = len(_compact(environment["RUNTIMES"]).encode())
        raise EnvironmentTooBigError(
            f"modelsRuntime: {runtimes} runtimes are too many for one deployment: the validator's environment"
            f" would take up to {size} bytes, {share} of them for the names, types and models, and"
            f" Lambda takes {MAX_ENVIRONMENT_BYTES}; use shorter names, or split them over two"
            " deployments, each with a stackName of its own"
        )


def _at_its_longest(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: _LONGEST.get(name, value) for name, value in environment.items()}


def _size(environment: Mapping[str, str]) -> int:
    return len(_compact(environment).encode())


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
