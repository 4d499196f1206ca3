"""Writing configurations, right and wrong ones, in tests."""

from pathlib import Path
from typing import Any

import yaml

from infra.errors import ConfigError
from infra.loading import load_config

STATIC = {"name": "a", "namespace": "default", "type": "sdwebui", "modelFilename": "a.safetensors"}
COMFY = {"name": "c", "namespace": "comfy", "type": "comfyui"}
CHINA = {"modelBucketArn": "arn:aws-cn:s3:::my-models"}
ZONES = ["us-west-2a", "us-west-2b", "us-west-2c"]
PRIVATE = ["subnet-0aaaaaaa", "subnet-0bbbbbbb", "subnet-0ccccccc"]
VPC = {"vpcId": "vpc-01234567", "availabilityZones": ZONES, "privateSubnetIds": PRIVATE}
REGISTRY = "123456789012.dkr.ecr"


def config(**changes: Any) -> dict[str, Any]:
    """Return a configuration of one static SD Web UI, with changes."""
    return {"modelBucketArn": "arn:aws:s3:::my-models", "modelsRuntime": [STATIC], **changes}


def existing(**changes: Any) -> dict[str, Any]:
    """Return the change that names a VPC that exists, with changes to it."""
    return {"network": {"existingVpc": VPC | changes}}


def runtime(**changes: Any) -> dict[str, Any]:
    """Return the change that changes the one runtime."""
    return {"modelsRuntime": [STATIC | changes]}


def images(repository: str) -> dict[str, Any]:
    """Return the change that takes the agent's image from a repository."""
    return runtime(extraValues={"runtime": {"queueAgent": {"image": {"repository": repository}}}})


def written(folder: Path, data: Any) -> Path:
    """Write config.yaml, from text or from what it should say, and return its path."""
    path = folder / "config.yaml"
    path.write_text(data if isinstance(data, str) else yaml.safe_dump(data), encoding="utf-8")
    return path


def problems(folder: Path, data: Any, region: str | None = None) -> tuple[str, ...]:
    """Return what a user is told of a wrong configuration, a line each.

    Raises:
        AssertionError: nothing is wrong with it.
    """
    try:
        load_config(written(folder, data), region=region)
    except ConfigError as exc:
        return exc.problems
    raise AssertionError("the configuration was taken")
