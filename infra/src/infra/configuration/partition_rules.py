"""What has to fit the partition, which the ARN of the model bucket tells, and the region."""

import re
from collections.abc import Iterator
from typing import Any

from infra.config import Config
from infra.configuration.cluster_rules import region_of
from infra.configuration.values_rules import value_at

CHINA = "aws-cn"
OCI = "oci://"
# Private repositories, whose pull needs credentials of their own partition.
ECR = re.compile(
    r"^(oci://)?[0-9]{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.(?P<domain>amazonaws\.com(\.cn)?)(/|$)"
)


def partition_problems(config: Config, region: str | None = None) -> list[str]:
    """Return what does not fit the deployment's partition; `region` is where it goes, if that is known."""
    return [
        *_oci(config),
        *_topic(config, region),
        *_zones(config, region),
        *_repositories(config),
        *_region(config, region),
    ]


def partition_of(region: str) -> str:
    """Return the partition of a region: `aws-cn` of `cn-north-1`."""
    for start, partition in (("cn-", CHINA), ("us-gov-", "aws-us-gov")):
        if region.startswith(start):
            return partition
    return "aws"


def chart_addresses(config: Config) -> Iterator[tuple[str, str]]:
    """Yield the address of each chart that the file names, after its path."""
    sources = config.chart_sources
    for section, key, alias in (
        (sources.karpenter, "chart", "karpenter.chart"),
        (sources.karpenter, "crd_chart", "karpenter.crdChart"),
        (sources.keda, "chart", "keda.chart"),
    ):
        if key in section.model_fields_set:
            yield f"chartSources.{alias}", getattr(section, key)
    for index, runtime in enumerate(config.models_runtime):
        if runtime.chart_repository:
            yield f"modelsRuntime[{index}].chartRepository", runtime.chart_repository


def image_repository(values: Any, part: str) -> str | None:
    """Return the image that `extraValues` gives a part of the pod: `inferenceApi` or `queueAgent`."""
    repository = value_at(values, "runtime", part, "image", "repository")
    return repository if isinstance(repository, str) else None


def _oci(config: Config) -> Iterator[str]:
    if config.partition != CHINA:
        return
    for path, address in chart_addresses(config):
        if address.startswith(OCI):
            yield (
                f'{path}: "{address}" is not allowed in {CHINA}: the guide says that charts from ECR fail'
                " there (aws-cdk issue 28460; mended since, but not tried again). Only Karpenter's default is"
                " taken, with a warning; allowed is an address that starts with https:// or http://"
            )


def _topic(config: Config, region: str | None) -> Iterator[str]:
    arn = config.observability.alarms.topic_arn
    if arn is None:
        return
    _, partition, _, where, *_ = arn.split(":")
    path = "observability.alarms.topicArn"
    if partition != config.partition:
        yield (
            f'{path}: "{arn}" is in the partition {partition}, but modelBucketArn is in {config.partition};'
            " alarms reach topics of their own partition only"
        )
    elif region is not None and where != region:
        yield f'{path}: "{arn}" is not in {region}; alarms reach topics of their own region only'


def _zones(config: Config, region: str | None) -> Iterator[str]:
    vpc = config.network.existing_vpc
    path, zones = (
        ("network.zoneNames", config.network.zone_names)
        if vpc is None
        else ("network.existingVpc.availabilityZones", vpc.availability_zones)
    )
    if not zones:
        return
    where = region_of(zones[0])
    if partition_of(where) != config.partition:
        yield (
            f'{path}[0]: "{zones[0]}" is in the partition {partition_of(where)},'
            f" but modelBucketArn is in {config.partition}"
        )
    elif region is not None and where != region:
        yield f'{path}[0]: "{zones[0]}" is not in {region}, where the deployment goes'


def _repositories(config: Config) -> Iterator[str]:
    for path, address in (*chart_addresses(config), *_images(config)):
        if (found := ECR.match(address)) is None:
            continue
        domain = "amazonaws.com.cn" if config.partition == CHINA else "amazonaws.com"
        fits = partition_of(found["region"]) == config.partition and found["domain"] == domain
        if not fits:
            yield (
                f'{path}: "{address}" cannot be read from {config.partition}, where modelBucketArn is;'
                f" allowed is a repository there: <account>.dkr.ecr.<region>.{domain}/<name>"
            )


def _images(config: Config) -> Iterator[tuple[str, str]]:
    sources = config.chart_sources
    for name, source in (("karpenter", sources.karpenter), ("keda", sources.keda)):
        if source.image_registry is not None:
            yield f"chartSources.{name}.imageRegistry", source.image_registry
    for index, runtime in enumerate(config.models_runtime):
        if isinstance(registry := runtime.extra_values.get("imageRegistry"), str):
            yield f"modelsRuntime[{index}].extraValues.imageRegistry", registry
        for part in ("inferenceApi", "queueAgent"):
            if (image := image_repository(runtime.extra_values, part)) is not None:
                yield f"modelsRuntime[{index}].extraValues.runtime.{part}.image.repository", image


def _region(config: Config, region: str | None) -> Iterator[str]:
    if region is not None and partition_of(region) != config.partition:
        yield (
            f'modelBucketArn: "{config.model_bucket_arn}" is in the partition {config.partition},'
            f" but the deployment goes to {region}; allowed is arn:{partition_of(region)}:s3:::<bucket name>"
        )
