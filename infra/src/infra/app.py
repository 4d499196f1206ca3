"""From a configuration file to a cloud assembly: offline, without an account, the same bytes each time."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.artifacts import Zips, find_chart
from infra.config import Config
from infra.errors import InfraError, NodeMissingError, StacksUnknownError
from infra.loading import load_config

CONFIG_PATH = "CDK_CONFIG_PATH"
OUTDIR = "CDK_OUTDIR"  # the CDK CLI sets it
ROOT = "DARKROOM_HOME"
STACKS = "DARKROOM_STACKS"
ALL = "all"
WITHOUT_CLUSTER = "without-cluster"  # what the local system needs, in half the time
DELIVERY = "delivery"  # a pipeline and what it deploys: delivery.yaml
DELIVERY_PATH = "DARKROOM_DELIVERY"
REGION = "CDK_DEFAULT_REGION"  # the CDK CLI sets it
NODE = "JSII_NODE"  # what the CDK library itself reads


def main() -> int:
    """Synthesise the stacks as the environment says, and return the exit code.

    `CDK_CONFIG_PATH` names the configuration (default `config.yaml`), `CDK_OUTDIR` the folder of the result
    (default `cdk.out`), `VALIDATOR_ZIP`, `NOTIFIER_ZIP` and `STATUS_ZIP` the zips, `DARKROOM_CHART`
    the chart, `DARKROOM_STACKS` which stacks (`all`, `without-cluster`, or `delivery`: a pipeline, as
    `DARKROOM_DELIVERY`, by default `delivery.yaml`, describes it). What cannot be used is told on stderr.
    """
    try:
        synthesise_from(os.environ)
    except InfraError as exc:
        print(f"error: {exc}", file=sys.stderr)  # noqa: T201 - this is a command
        return 1
    return 0


def synthesise_from(env: Mapping[str, str]) -> Path:
    """Do what `main` says, and return the folder of the cloud assembly.

    Raises:
        InfraError: one of its kinds, with a message for users.
    """
    root = Path(env.get(ROOT) or Path.cwd())
    stacks = _stacks(env)
    outdir = Path(env.get(OUTDIR) or root / "cdk.out")
    if stacks == DELIVERY:
        return _synthesise_delivery(env, root, outdir)
    path = Path(env.get(CONFIG_PATH) or root / "config.yaml")
    config = load_config(path, region=env.get(REGION))
    zips = Zips.find(root=root, env=env, architecture=config.functions.architecture, release=config.release)
    chart = find_chart(root=root, env=env) if stacks == ALL else None
    return synthesise(config, zips=zips, chart=chart, outdir=outdir)


def _stacks(env: Mapping[str, str]) -> str:
    stacks = env.get(STACKS) or ALL
    if stacks not in (ALL, WITHOUT_CLUSTER, DELIVERY):
        known = f"{ALL}, {WITHOUT_CLUSTER} or {DELIVERY}"
        raise StacksUnknownError(f"{STACKS} is {stacks!r}; it may be {known}")
    return stacks


def _synthesise_delivery(env: Mapping[str, str], root: Path, outdir: Path) -> Path:
    _need_node()
    from infra.delivery import app  # noqa: PLC0415 - as below

    delivery = app.load_delivery(Path(env.get(DELIVERY_PATH) or root / "delivery.yaml"))
    return app.synthesise(delivery, root=root, chart=find_chart(root=root, env=env), outdir=outdir)


def synthesise(config: Config, *, zips: Zips, outdir: Path, chart: Path | None = None) -> Path:
    """Write the cloud assembly of a deployment into `outdir`, and return that.

    `chart` is the folder of the runtimes' chart; without it the assembly has neither cluster nor runtimes.

    Raises:
        NodeMissingError: there is no Node.js.
        EnvironmentTooBigError: more runtimes than a validator can know.
        SynthesisError: the CDK or a rule of cdk-nag refuses.
    """
    _need_node()
    # Importing the CDK starts Node.js, which takes seconds: what is wrong with the input is told before.
    from infra import assembly  # noqa: PLC0415

    return assembly.synthesise(config, zips=zips, chart=chart, outdir=outdir)


def _need_node() -> None:
    if shutil.which(os.environ.get(NODE) or "node") is None:
        raise NodeMissingError("the CDK needs Node.js: install version 22 or 24, or name one in JSII_NODE")
