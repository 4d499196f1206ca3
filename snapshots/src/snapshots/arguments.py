"""The options of `build`, and those that all commands share."""

from typing import Annotated

import typer

from snapshots.request import INSTANCE_TYPES

_TYPES = ", ".join(f"{arch}={name}" for arch, name in INSTANCE_TYPES.items())

# Plain names: Typer sees nothing of what stands behind a `type` statement.
Region = Annotated[
    str | None,
    typer.Option(
        "--region",
        "-r",
        envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
        help="Region of the deployment. Default: the profile's.",
    ),
]
Profile = Annotated[str | None, typer.Option("--profile", help="Profile of AWS' configuration.")]

Images = Annotated[
    list[str], typer.Argument(metavar="IMAGE[,IMAGE...]", help="What is to be inside, as the chart names it.")
]
Arch = Annotated[
    list[str] | None,
    typer.Option(help="amd64 (default) or arm64; may be given twice: a snapshot for each."),
]
Size = Annotated[int, typer.Option(min=20, max=16384, help="GiB of the data volume.")]
Encrypt = Annotated[bool, typer.Option(help="Encrypt the snapshot.")]
KmsKey = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="Key: id, alias/NAME or ARN. Default: the account's for EBS."),
]
Subnet = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Subnet with a way out, for the instance. Default: a default subnet."),
]
SecurityGroup = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ID", help="For the instance; repeatable. Default: one is made that lets nothing in."
    ),
]
PublicIp = Annotated[
    bool | None,
    typer.Option("--public-ip/--no-public-ip", help="Of the instance. Default: as the subnet says."),
]
InstanceProfile = Annotated[
    str | None, typer.Option(metavar="NAME", help="For the instance. Default: one is made, with a role.")
]
InstanceType = Annotated[list[str] | None, typer.Option(metavar="[ARCH=]TYPE", help=f"Default: {_TYPES}.")]
KubernetesVersion = Annotated[str, typer.Option(metavar="VERSION", help="The cluster's.")]
BottlerocketVersion = Annotated[
    str,
    typer.Option(metavar="VERSION", help="The nodes' (karpenter.nodeTemplate.amiVersion), or latest."),
]
Reuse = Annotated[
    bool,
    typer.Option("--reuse", help="Take a snapshot that is there with the same images and versions."),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print nothing but ids, one for each --arch, and errors."),
]
