"""What works, or may work, and is still worth a look: told as warnings."""

import re
from collections.abc import Iterator
from typing import Any

from infra.config import Config
from infra.configuration.partition_rules import CHINA, chart_addresses, image_repository

SDWEBUI = "sdwebui"
PUBLIC_ECR = "public.ecr.aws/"
PLACEHOLDER = re.compile(r"<[A-Za-z][A-Za-z _-]*>|\$\{[A-Za-z_]+\}")
VERSIONS = {
    "1.34": "its standard support ends on 2026-12-02; after that AWS takes six times as much for it",
    "1.36": "KEDA has been tested up to 1.35",
}


def advice(config: Config) -> list[str]:
    """Return warnings, each with the path of the key that it is about."""
    return [*_namespaces(config), *_runtimes(config), *_unused(config), *_cluster(config), *_china(config)]


def _namespaces(config: Config) -> Iterator[str]:
    first: dict[str, int] = {}
    for index, runtime in enumerate(config.models_runtime):
        if (before := first.setdefault(runtime.namespace, index)) != index:
            yield (
                f'modelsRuntime[{index}].namespace: "{runtime.namespace}" is the namespace of'
                f" modelsRuntime[{before}] too; runtimes are kept apart better in namespaces of their own"
            )


def _runtimes(config: Config) -> Iterator[str]:
    for index, runtime in enumerate(config.models_runtime):
        path = f"modelsRuntime[{index}]"
        if runtime.chart_version and not runtime.chart_repository:
            yield (
                f'{path}.chartVersion: "{runtime.chart_version}" has no effect without chartRepository:'
                " the chart in this repository is used"
            )
        if runtime.type != SDWEBUI and runtime.dynamic_model:
            yield f"{path}.dynamicModel: has no effect on a runtime of type {runtime.type}"
        for where, text in _texts(f"{path}.extraValues", runtime.extra_values):
            if found := PLACEHOLDER.search(text):
                yield f'{where}: "{text}" still has {found[0]} in it, which is there to be replaced'
    for where, address in chart_addresses(config):
        if address.startswith("http://"):
            yield (
                f'{where}: "{address}" is not encrypted: whoever is on the way can change the chart;'
                " https:// is safer"
            )


def _texts(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield each text in some values, after its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(f"{path}.{key}", inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(f"{path}[{index}]", inner)


def _unused(config: Config) -> Iterator[str]:
    used = {runtime.type for runtime in config.models_runtime}
    for index, own in enumerate(config.runtime_types):
        if own.name not in used:
            yield f'runtimeTypes[{index}].name: no runtime is of type "{own.name}"'


def _cluster(config: Config) -> Iterator[str]:
    if (version := config.kubernetes_version) in VERSIONS:
        yield f'kubernetesVersion: "{version}": {VERSIONS[version]}; "1.35" is the default'
    network = config.network
    if network.existing_vpc is None and network.nat_gateways < network.zones:
        yield (
            f"network.natGateways: {network.nat_gateways} for {network.zones} zones: costs less,"
            " but where the zone of a gateway fails, others have no way out"
        )


def _china(config: Config) -> Iterator[str]:
    if config.partition != CHINA:
        return
    sources = config.chart_sources
    for name, source in (("karpenter", sources.karpenter), ("keda", sources.keda)):
        missing = [key for key in _FROM_ABROAD[name] if key not in source.model_fields_set]
        if missing:
            keys = ", ".join(_FROM_ABROAD[name][key] for key in missing)
            yield (
                f"chartSources.{name}: without {keys} it comes from outside China, which may be slow or fail;"
                " name a mirror"
            )
    for index, runtime in enumerate(config.models_runtime):
        if runtime.extra_values.get("imageRegistry"):
            continue
        for part in ("inferenceApi", "queueAgent"):
            image = image_repository(runtime.extra_values, part)
            if image is None or image.startswith(PUBLIC_ECR):
                yield (
                    f"modelsRuntime[{index}].extraValues.runtime.{part}.image.repository:"
                    " images of ECR Public are slow or fail in China;"
                    " copy the image into a repository of yours and name that"
                )


_FROM_ABROAD = {
    "karpenter": {"chart": "chart", "crd_chart": "crdChart", "image_registry": "imageRegistry"},
    "keda": {"chart": "chart", "image_registry": "imageRegistry"},
}
