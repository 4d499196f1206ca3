"""The packaged configuration: which runtimes the local system has."""

from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from local.errors import BadOptionError
from task_schema import TASK_TYPES, RuntimeSpec

# Runtimes without a model of their own can load any of these; the first is the guide's.
MODELS = ("v1-5-pruned-emaonly.safetensors", "sd_xl_base_1.0.safetensors", "dreamshaper_8.safetensors")


class LocalConfig(BaseModel):
    """The keys of `config.yaml` that the local system itself needs; the rest is for the template."""

    model_config = ConfigDict(frozen=True)

    stack_name: str = Field(alias="stackName")
    runtimes: tuple[RuntimeSpec, ...]

    @property
    def stack(self) -> str:
        """The name of the dispatch stack."""
        return f"{self.stack_name}Stack"


def packaged_config() -> str:
    """Return the text of the configuration that this package brings."""
    return resources.files("local").joinpath("config.yaml").read_text()


def read_config(text: str, *, source: str = "config.yaml") -> LocalConfig:
    """Read a configuration with the guide's keys.

    Raises:
        BadOptionError: it is not one, or has a runtime type that nothing here can play.
    """
    try:
        data: Any = yaml.safe_load(text)
        runtimes = [
            {key: entry[key] for key in ("name", "type", "modelFilename", "dynamicModel") if key in entry}
            for entry in data["modelsRuntime"]
        ]
        config = LocalConfig.model_validate({"stackName": data["stackName"], "runtimes": runtimes})
    except (yaml.YAMLError, KeyError, TypeError, ValidationError) as exc:
        raise BadOptionError(f"{source} is not a configuration of a deployment: {exc}") from exc
    for runtime in config.runtimes:
        if runtime.type not in TASK_TYPES:
            raise BadOptionError(f"{source}: runtime {runtime.name} has type {runtime.type!r}, unknown here")
    return config


def read_config_file(path: Path | None) -> tuple[str, LocalConfig]:
    """Return text and content of a configuration file, or of the packaged one."""
    if path is None:
        text = packaged_config()
        return text, read_config(text)
    try:
        text = path.read_text()
    except OSError as exc:
        raise BadOptionError(f"{path} cannot be read: {exc.strerror}") from exc
    return text, read_config(text, source=str(path))


def models_of(runtime: RuntimeSpec) -> tuple[str, ...]:
    """Return the checkpoints that the sketch of a runtime says it has."""
    return (runtime.model_filename,) if runtime.model_filename else MODELS
