"""The validator's environment: who it talks to, and which runtimes a request may name."""

import json
from collections.abc import Mapping

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
}


def validator_environment(
    *,
    tasks_table: str,
    requests_topic_arn: str,
    payload_bucket: str,
    output_bucket: str,
    deployment: Deployment,
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
        "POWERTOOLS_SERVICE_NAME": "validator",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }
    _check_size(environment | _LONGEST, runtimes=len(deployment.runtimes))
    return environment


def runtimes_json(deployment: Deployment) -> str:
    """Return the runtimes as compact JSON, each with what differs from the defaults."""
    specs = [
        spec.model_dump(mode="json", by_alias=True, exclude_defaults=True) for spec in deployment.runtimes
    ]
    return _compact(specs)


def _check_size(environment: Mapping[str, str], *, runtimes: int) -> None:
    size = len(_compact(environment).encode())
    if size > MAX_ENVIRONMENT_BYTES:
        share = len(_compact(environment["RUNTIMES"]).encode())
        raise EnvironmentTooBigError(
            f"modelsRuntime: {runtimes} runtimes are too many for one deployment: the validator's environment"
            f" would take up to {size} bytes, {share} of them for the names, types and models, and"
            f" Lambda takes {MAX_ENVIRONMENT_BYTES}; use shorter names, or split them over two deployments"
        )


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
