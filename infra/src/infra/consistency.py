"""Rules of `config.yaml` that tie several keys together."""

from collections.abc import Iterator, Sequence

from infra.config import Config, Runtime
from infra.configuration.cluster_rules import cluster_problems
from infra.configuration.partition_rules import partition_problems
from infra.configuration.runtime_rules import runtime_problems
from task_schema import TASK_TYPES, same_model

SDWEBUI = "sdwebui"


def problems_between_keys(config: Config, *, region: str | None = None) -> list[str]:
    """Return what is wrong between keys that are right one by one, each with the path of the key.

    Args:
        config: the deployment.
        region: where it goes, if that is known.
    """
    return [
        *_repeated_names("modelsRuntime", [runtime.name for runtime in config.models_runtime]),
        *_repeated_names("runtimeTypes", [own.name for own in config.runtime_types]),
        *_types(config),
        *_models(config.models_runtime),
        *_inputs(config),
        *_alarms(config),
        *runtime_problems(config),
        *cluster_problems(config),
        *partition_problems(config, region),
    ]


def _repeated_names(path: str, names: Sequence[str]) -> Iterator[str]:
    for index, name in enumerate(names):
        first = names.index(name)
        if first < index:
            yield f'{path}[{index}].name: "{name}" is the name of {path}[{first}] already; each needs its own'


def _types(config: Config) -> Iterator[str]:
    for index, own in enumerate(config.runtime_types):
        if own.name in TASK_TYPES:
            yield f'runtimeTypes[{index}].name: "{own.name}" is built in; your own type needs another name'
    for index, runtime in enumerate(config.models_runtime):
        if runtime.type not in config.types:
            yield (
                f'modelsRuntime[{index}].type: "{runtime.type}" is not a runtime type; allowed are '
                f"{', '.join(config.types)}; list your own type, with its task types, under runtimeTypes"
            )


def _models(runtimes: Sequence[Runtime]) -> Iterator[str]:
    for index, runtime in enumerate(runtimes):
        path = f"modelsRuntime[{index}].modelFilename"
        if runtime.model_filename is None:
            if runtime.type == SDWEBUI and not runtime.dynamic_model:
                yield (
                    f"{path}: is required: a runtime of type {SDWEBUI} serves one model,"
                    " unless its dynamicModel is true"
                )
            continue
        # v1alpha1 requests are routed by the model, where an extension may be left out: `a` means `a.ckpt`.
        first = next(
            i for i, other in enumerate(runtimes) if same_model(other.model_filename, runtime.model_filename)
        )
        if first < index:
            yield (
                f'{path}: "{runtime.model_filename}" is the model of modelsRuntime[{first}] already;'
                " each runtime needs a model of its own"
            )


def _inputs(config: Config) -> Iterator[str]:
    model_bucket = config.model_bucket_arn.rpartition(":")[2]
    for index, place in enumerate(config.inputs.s3):
        bucket, _, folder = place.partition("/")
        # The agent refuses to start with these, or takes `in//` for all of the bucket.
        if ".." in bucket or (folder and not {"", ".", ".."}.isdisjoint(folder.removesuffix("/").split("/"))):
            yield (
                f'inputs.s3[{index}]: "{place}" is not a bucket or a folder in one: no part of it may be'
                ' empty, "." or ".."'
            )
        if bucket == model_bucket:
            yield (
                f'inputs.s3[{index}]: "{place}" is in the model bucket, which tasks never read;'
                " put inputs into another bucket"
            )


def _alarms(config: Config) -> Iterator[str]:
    alarms = config.observability.alarms
    if alarms.email is not None and alarms.topic_arn is not None:
        yield (
            "observability.alarms: email makes a topic and topicArn names one; keep one of the two,"
            " and subscribe the address to your topic"
        )
