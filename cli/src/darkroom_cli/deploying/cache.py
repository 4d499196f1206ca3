"""The builder of snapshots, as deploying uses it."""

from collections.abc import Sequence

from darkroom_cli.deploying.errors import StepError
from snapshots import bootstrap
from snapshots.aws import Aws
from snapshots.builder import Builder, Built
from snapshots.catalog import Catalog
from snapshots.errors import SnapshotsError
from snapshots.failures import step
from snapshots.plan import make_plan
from snapshots.registry import Registries
from snapshots.request import Request, make_request
from snapshots.terminal import Terminal
from snapshots.waiting import SystemClock

# `deploy` has few of the builder's options.
WAY_OUT = (
    "Build it by ./darkroom snapshot build, which has more options (docs/deploy/image-cache.md), and say"
    " --snapshot; or say --no-snapshot, and nodes pull their images"
)


class SnapshotCache:
    """Finds and builds snapshots in one region."""

    def __init__(self, region: str, profile: str | None) -> None:
        """Say where, and with whose credentials."""
        self._region = region
        self._profile = profile

    def find(self, images: Sequence[str], *, kubernetes: str, bottlerocket: str) -> str | None:
        """Return the id of a complete one with just these images, or None."""
        try:
            aws = bootstrap.open_aws(self._region, self._profile)
            with bootstrap.open_registries(aws) as registries:
                return find(aws, registries, self._request(images, kubernetes, bottlerocket))
        except SnapshotsError:
            return None  # building says why

    def build(self, images: Sequence[str], *, kubernetes: str, bottlerocket: str) -> str:
        """Make one, unless one is there; see the port."""
        try:
            aws = bootstrap.open_aws(self._region, self._profile)
            with bootstrap.open_registries(aws) as registries:
                return self._build(aws, registries, self._request(images, kubernetes, bottlerocket))
        except SnapshotsError as exc:
            raise StepError(f"building the snapshot: {exc}\n{WAY_OUT}") from exc

    def _request(self, images: Sequence[str], kubernetes: str, bottlerocket: str) -> Request:
        return make_request(
            list(images), region=self._region, kubernetes=kubernetes, bottlerocket=bottlerocket, reuse=True
        )

    def _build(self, aws: Aws, registries: Registries, request: Request) -> str:
        terminal = Terminal(region=self._region)
        made: list[Built] = []
        with terminal.watched():
            plan = make_plan(request, aws, registries, terminal)
            Builder(aws, plan, clock=SystemClock(), progress=terminal).build(made.append)
        return made[0].id


class _Silent:
    """A `Progress` of the builder's that nobody listens to."""

    def step(self, text: str) -> None:
        """Say nothing."""

    def detail(self, text: str) -> None:
        """Say nothing."""

    def remark(self, text: str) -> None:
        """Say nothing."""

    def left(self, leftover: object) -> None:
        """Say nothing."""


def find(aws: Aws, registries: Registries, request: Request) -> str | None:
    """Return the id of a snapshot that fits a request, or None.

    Raises:
        SnapshotsError: AWS or a registry does not tell.
    """
    plan = make_plan(request, aws, registries, _Silent())
    with step("looking for a snapshot"):
        found = Catalog(aws.ec2).find(
            plan.targets[0].contents,
            encrypted=request.encrypt,
            kms_key=request.kms_key,
            size_gib=request.size_gib,
        )
    return None if found is None else found.id
