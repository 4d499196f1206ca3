"""Images and their cache: the queue agent's in a registry, all of a runtime's in a snapshot."""

from pathlib import Path

from darkroom_cli.deploying.aws import AWS_ERRORS, CHINA, Aws, code_of, unanswered
from darkroom_cli.deploying.configuration import GUIDE_IMAGES, Document
from darkroom_cli.deploying.errors import StepError
from darkroom_cli.deploying.findings import Code, Findings
from darkroom_cli.deploying.options import Options
from snapshots.errors import OptionError
from snapshots.images import Image

AGENT_REPOSITORY = "sd-on-eks/queue-agent"
AGENT_VERSION = Path("services/queue-agent/VERSION")


def own_agent_image(aws: Aws, root: Path) -> str:
    """Return the name under which the agent's image of this source is pushed.

    Raises:
        StepError: the source is not there.
    """
    try:
        version = (root / AGENT_VERSION).read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise StepError(
            f"{root / AGENT_VERSION} cannot be read: start this in the root of the repository, or say"
            " --agent-image REPOSITORY:TAG"
        ) from exc
    return f"{aws.registry}/{AGENT_REPOSITORY}:{version}"


def must_be_built(aws: Aws, document: Document, root: Path) -> bool:
    """Whether a runtime takes the agent of this source, and its image is not known to be pushed."""
    own = own_agent_image(aws, root)
    if not any(one.agent_image in (None, own) for one in document.runtimes):
        return False
    try:
        return not is_pushed(aws, own)
    except AWS_ERRORS:
        return True  # the step that needs it says why


def is_pushed(aws: Aws, image: str) -> bool | None:
    """Whether an image is in the account's own registry; None where it is somewhere else.

    Raises:
        BotoCoreError, ClientError: ECR does not tell.
    """
    try:
        parsed = Image.parse(image)
    except OptionError:
        return None
    if parsed.registry != aws.registry:
        return None
    which = {"imageDigest": parsed.digest} if parsed.digest else {"imageTag": parsed.tag}
    try:
        found = aws["ecr"].describe_images(repositoryName=parsed.repository, imageIds=[which])
    except AWS_ERRORS as exc:
        if code_of(exc) in {"RepositoryNotFoundException", "ImageNotFoundException"}:
            return False
        raise
    return bool(found["imageDetails"])


def check_agent_image(aws: Aws, image: str | None, findings: Findings) -> None:
    """See whether an agent's image that was given is there, as far as that can be known."""
    if image is None:
        return
    try:
        there = is_pushed(aws, image)
    except AWS_ERRORS as exc:
        unanswered(exc, f"whether {image} is there", findings)
        return
    if there is False:
        findings.add(
            Code.NO_AGENT_IMAGE,
            f"--agent-image: {image} is not in the registry; push it, or say nothing, and it is built",
        )
    elif there is None:
        findings.warn(f"{image} is not in this account's registry of {aws.region}: not looked at")


def check_snapshots(aws: Aws, document: Document, options: Options, findings: Findings) -> None:
    """See whether the snapshots that are named can be used."""
    sizes: dict[str, int] = {}
    for runtime in document.runtimes:
        if runtime.snapshot:
            smallest = min(sizes.get(runtime.snapshot, runtime.volume_gib), runtime.volume_gib)
            sizes[runtime.snapshot] = smallest
    for snapshot, volume in sizes.items():
        _check_snapshot(aws, snapshot, volume, findings)
    if not options.no_snapshot and any(one.wants_snapshot for one in document.runtimes):
        _check_subnets(aws, findings)
    if aws.partition == CHINA and not options.no_snapshot:
        for runtime in document.runtimes:
            if runtime.image.startswith(GUIDE_IMAGES):
                findings.warn(
                    f"{runtime.name} takes {runtime.image} from abroad, which may fail from China: copy it to"
                    " ECR and name it in extraValues (docs/deploy/china.md)"
                )


def _check_subnets(aws: Aws, findings: Findings) -> None:
    """See whether the instance on which a snapshot is built has a place; one may be there already."""
    try:
        answer = aws["ec2"].describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])
    except AWS_ERRORS as exc:
        findings.warn(f"whether {aws.region} has a default subnet is not known: {exc}")
        return
    if not answer["Subnets"]:
        findings.warn(
            f"{aws.region} has no default subnet, in which the image cache could be built: say --no-snapshot,"
            " or build it by ./darkroom snapshot build --subnet ID ... and say --snapshot"
        )


def _check_snapshot(aws: Aws, snapshot: str, volume_gib: int, findings: Findings) -> None:
    try:
        [found] = aws["ec2"].describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
    except AWS_ERRORS as exc:
        if code_of(exc).startswith("InvalidSnapshot"):
            findings.add(
                Code.NO_SNAPSHOT,
                f"there is no snapshot {snapshot} in {aws.region} that account {aws.account} may use; say"
                " none, and one is built (./darkroom snapshot list shows those that there are)",
            )
        else:
            unanswered(exc, f"how the snapshot {snapshot} is", findings)
        return
    state = found["State"]
    if state == "error":
        findings.add(Code.SNAPSHOT_FAILED, f"the snapshot {snapshot} has failed: build another one")
    elif state != "completed":
        done = found.get("Progress") or "not yet"
        findings.add(
            Code.SNAPSHOT_PENDING, f"the snapshot {snapshot} is {state} ({done}): wait until it is completed"
        )
    elif volume_gib and found["VolumeSize"] > volume_gib:
        findings.add(
            Code.SNAPSHOT_TOO_LARGE,
            f"the snapshot {snapshot} is of {found['VolumeSize']} GiB, and the nodes' data volume has"
            f" {volume_gib}: set karpenter.nodeTemplate.dataVolume.volumeSize to {found['VolumeSize']}Gi",
        )
