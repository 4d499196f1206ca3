"""From `delivery.yaml` to the assembly of the pipeline and of all that it deploys."""

from pathlib import Path

from infra.artifacts import Zips
from infra.assembly import new_app, refusals_told, write
from infra.delivery.settings import Delivery, Stage
from infra.delivery.stack import DeliveryStack, Deployment
from infra.errors import ConfigError
from infra.loading import load_config, load_section

VARIABLE = "DARKROOM_DELIVERY"


def load_delivery(path: Path) -> Delivery:
    """Read `delivery.yaml`.

    Raises:
        ConfigError: it cannot be used.
    """
    delivery = load_section(path, Delivery, variable=VARIABLE)
    if problems := list(_problems(delivery)):
        raise ConfigError(path=path, problems=problems)
    return delivery


def _problems(delivery: Delivery) -> list[str]:
    names = [stage.name for stage in delivery.stages]
    places = [(stage.config, stage.account, stage.region) for stage in delivery.stages]
    repeated = [
        f'stages[{index}].name: "{name}" is the name of stages[{names.index(name)}] already'
        for index, name in enumerate(names)
        if names.index(name) < index
    ]
    twice = [
        f"stages[{index}]: stages[{places.index(place)}] is the very same deployment; take another config,"
        " account or region"
        for index, place in enumerate(places)
        if places.index(place) < index
    ]
    return repeated + twice


def synthesise(delivery: Delivery, *, root: Path, outdir: Path, chart: Path | None) -> Path:
    """Write the cloud assembly of the pipeline into `outdir`, and return that.

    `chart` is as in `infra.app.synthesise`.

    Raises:
        ConfigError: the file of a stage cannot be used.
        ArtifactMissingError: a zip of a stage is not in `dist`.
        SynthesisError: the CDK or a rule of cdk-nag refuses.
    """
    deployments = [_deployment(stage, root) for stage in delivery.stages]
    with refusals_told():
        app = new_app(outdir)
        DeliveryStack(app, delivery.name, delivery=delivery, deployments=deployments, chart=chart)
    return write(app)


def _deployment(stage: Stage, root: Path) -> Deployment:
    config = load_config(root / stage.config, region=stage.region)
    # Not what the environment names: each stage has releases of its own.
    zips = Zips.find(root=root, env={}, architecture=config.functions.architecture, release=config.release)
    return Deployment(stage, config, zips)
