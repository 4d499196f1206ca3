"""What has to be known of Bottlerocket: its AMIs, and what is run on the instance.

Commands come in through the control container (Systems Manager) and reach the host by `apiclient exec admin
sheltie`. Images are pulled by `host-ctr`, as Bottlerocket does itself: it logs in to ECR by the role of the
instance, so that no password is on a command line or in Systems Manager's history.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from snapshots.errors import OptionError
from snapshots.failures import step
from snapshots.images import Image
from snapshots.request import LATEST, Request

SYSTEM_DEVICE = "/dev/xvda"
DATA_DEVICE = "/dev/xvdb"  # /var/lib/containerd is there
SYSTEM_GIB = 10

USER_DATA = "[settings.host-containers.admin]\nenabled = true\n"
MANAGED = "io.cri-containerd.image=managed"  # the kubelet's side of containerd sees only what has this label

ARCHITECTURES = {"amd64": "x86_64", "arm64": "arm64"}  # as parameters and EC2 call them

_HOST = "apiclient exec admin sheltie"
_SOCKET = "/run/containerd/containerd.sock"
_CTR = f"{_HOST} /usr/bin/ctr -a {_SOCKET} -n k8s.io"
# The registry configuration is empty, but without it host-ctr ends in a nil pointer at public.ecr.aws.
_PULL = (
    f"{_HOST} /usr/bin/host-ctr --containerd-socket={_SOCKET} --namespace=k8s.io pull-image"
    f" --registry-config=/etc/host-containers/host-ctr.toml --label={MANAGED}"
)


@dataclass(frozen=True)
class Ami:
    """A machine image, and the release that it is of."""

    id: str
    version: str


def find_ami(ssm: Any, request: Request, arch: str) -> Ami:
    """Look up the AMI of an architecture.

    The plain variant, though nodes have the one for NVIDIA: an instance without GPU cannot run that, and what
    containerd stores is the same in both.

    Raises:
        OptionError: there is none of these versions in the region.
        StepError: Systems Manager does not answer.
    """
    path = (
        f"/aws/service/bottlerocket/aws-k8s-{request.kubernetes}/{ARCHITECTURES[arch]}/{request.bottlerocket}"
    )
    names = [f"{path}/image_id", f"{path}/image_version"]
    with step("looking up the AMI of Bottlerocket"):
        answer = ssm.get_parameters(Names=names)
    values = {one["Name"]: one["Value"] for one in answer["Parameters"]}
    if any(name not in values for name in names):
        release = "any release" if request.bottlerocket == LATEST else f"Bottlerocket {request.bottlerocket}"
        raise OptionError(
            f"--bottlerocket-version, --kubernetes-version: {request.region} has no AMI of {release} for"
            f" Kubernetes {request.kubernetes} on {arch} ({names[0]})"
        )
    return Ami(values[names[0]], values[names[1]].partition("-")[0])


def ready() -> list[str]:
    """Return the command that succeeds once the admin container and containerd are up."""
    return [f"{_HOST} /usr/bin/systemctl is-active containerd"]


def prepare(lifetime: float) -> list[str]:
    """Return commands for before the first image.

    The kubelet would remove images when the disk gets full. The timer is for the day on which nobody is there
    any more to end the instance: a shutdown from inside terminates it.

    Args:
        lifetime: seconds after which it shuts down.
    """
    return [
        "set -eu",
        f"{_HOST} /usr/bin/systemctl stop kubelet",
        f"{_HOST} /usr/bin/systemd-run --on-active={lifetime:.0f} /usr/bin/systemctl poweroff",
    ]


def pull(image: Image) -> list[str]:
    """Return commands that fetch an image by its digest, and make it known by its tag too."""
    commands = ["set -eu", f"{_PULL} --source={shlex.quote(image.pinned)}"]
    if image.tagged:
        tagged = shlex.quote(image.tagged)
        commands += [
            f"{_CTR} images tag --force {shlex.quote(image.pinned)} {tagged}",
            f"{_CTR} images label {tagged} {MANAGED}",
        ]
    return commands


def list_managed() -> list[str]:
    """Return the command that prints the names of all images that the kubelet will find, a line each."""
    return [f"{_CTR} images ls -q {shlex.quote(_FILTER)}"]


def missing(images: Iterable[Image], printed: str) -> list[str]:
    """Return the names that are not among what `list_managed` printed."""
    there = {line.strip() for line in printed.splitlines()}
    return [
        name
        for image in images
        for name in (image.pinned, image.tagged)
        if name is not None and name not in there
    ]


_FILTER = 'labels."io.cri-containerd.image"==managed'
