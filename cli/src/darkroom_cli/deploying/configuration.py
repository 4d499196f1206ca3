"""`config.yaml` as deploying reads and fills it in. What is right in it, the CDK app says; not this."""

import difflib
import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from darkroom_cli.deploying import yaml_text
from darkroom_cli.deploying.errors import StepError
from darkroom_cli.deploying.findings import Code, Findings
from darkroom_cli.deploying.options import RUNTIME_NAME, STACK_NAME, Options

# What the repository's own file has where a user's bucket is to be.
PLACEHOLDER = "sdoneks-models"
GUIDE_IMAGES = "public.ecr.aws/bingjiao/sd-on-eks"
MODEL_FILE = "v1-5-pruned-emaonly.safetensors"
KUBERNETES = "1.35"
ZONES = 3
SYSTEM_INSTANCE, SYSTEM_NODES = "m7g.large", 2
NEW = """\
# A deployment of Darkroom, begun by ./darkroom deploy; docs/deploy/configuration.md explains each key.
stackName: sdoneks # names the stacks and the cluster
modelBucketArn: arn:aws:s3:::sdoneks-models # the bucket that holds the models
APIGW:
  stageName: prod
  throttle: # of each of the three POST methods, for each API key
    rateLimit: 30
    burstLimit: 50
modelsRuntime:
- name: sdruntime # requests name it
  namespace: default
  type: sdwebui
  modelFilename: v1-5-pruned-emaonly.safetensors # (SD Web UI) the model that it serves
  dynamicModel: false # (SD Web UI) whether requests may ask for other models
  extraValues: # values for the chart: images, an EBS snapshot, instance types, scaling
"""

_AGENT = ("runtime", "queueAgent", "image")
_IMAGE = ("runtime", "inferenceApi", "image")
_SNAPSHOT = ("karpenter", "nodeTemplate", "dataVolume", "snapshotID")
_TYPES = ("karpenter", "provisioner", "instanceType")
_CAPACITY = ("karpenter", "provisioner", "capacityType")


@dataclass(frozen=True)
class Runtime:
    """One entry of `modelsRuntime`, with what deploying needs of it."""

    index: int
    data: dict[str, Any]

    def value(self, *path: str) -> Any:
        """Return a value for its chart, or None."""
        return yaml_text.get(self.data.get("extraValues"), path)

    @property
    def name(self) -> str:
        """What requests call it."""
        return str(self.data.get("name"))

    @property
    def type(self) -> str:
        """Which server it is."""
        return str(self.data.get("type"))

    @property
    def model(self) -> str | None:
        """The model that has to be in the bucket."""
        if self.data.get("dynamicModel") or self.type != "sdwebui":
            return None
        name = self.data.get("modelFilename")
        return None if name is None else str(name)

    @property
    def image(self) -> str:
        """The server's own image, as the chart makes its name."""
        registry = self.value("imageRegistry")
        base = f"{registry}/sd-on-eks" if registry else GUIDE_IMAGES
        repository = self.value(*_IMAGE, "repository") or f"{base}/{self.type}"
        return join_tag(str(repository), str(self.value(*_IMAGE, "tag") or "latest"))

    @property
    def agent_image(self) -> str | None:
        """The queue agent's image where the file names one."""
        registry = self.value("imageRegistry")
        repository = self.value(*_AGENT, "repository") or (
            f"{registry}/sd-on-eks/queue-agent" if registry else None
        )
        tag = self.value(*_AGENT, "tag")
        return (
            None if repository is None else (join_tag(str(repository), str(tag)) if tag else str(repository))
        )

    @property
    def snapshot(self) -> str | None:
        """The image cache."""
        found = self.value(*_SNAPSHOT)
        return str(found) if found else None

    @property
    def wants_snapshot(self) -> bool:
        """Whether an image cache would be of use and is missing."""
        node = ("karpenter", "nodeTemplate")
        other = self.value(*node, "instanceStorePolicy") or self.value("karpenter", "enabled") is False
        return not self.snapshot and not other

    @property
    def volume_gib(self) -> int:
        """Of its nodes' data volume."""
        said = str(self.value("karpenter", "nodeTemplate", "dataVolume", "volumeSize") or "100Gi")
        return int(said.removesuffix("Gi")) if said.removesuffix("Gi").isdigit() else 0

    @property
    def bottlerocket(self) -> str | None:
        """The release of its nodes, where the file names one."""
        said = self.value("karpenter", "nodeTemplate", "amiVersion")
        return str(said).removeprefix("v") if said else None

    @property
    def instance_types(self) -> tuple[str, ...]:
        """The instance types that the file names; none: those of the chart."""
        said = self.value(*_TYPES)
        return tuple(map(str, said)) if isinstance(said, list) else ()

    def capacity(self, kind: str) -> bool:
        """Whether instances of a kind (`onDemand`, `spot`) may be taken."""
        return self.value(*_CAPACITY, kind) is not False


@dataclass
class Document:
    """The text of the file, and what it says; changes are made in memory until `write`."""

    path: Path
    before: str | None
    text: str

    @classmethod
    def read(cls, path: Path, findings: Findings) -> "Document | None":
        """Read the file, or begin a new one; None, with what is wrong among `findings`."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls(path, None, NEW)
        except (OSError, UnicodeDecodeError) as exc:
            findings.add(Code.CONFIG_UNREADABLE, f"{path} cannot be read: {exc}")
            return None
        try:
            data = yaml.safe_load(text)
        except yaml.YAMLError as exc:
            findings.add(Code.CONFIG_UNREADABLE, f"{path} is not YAML: {exc}")
            return None
        entries = data.get("modelsRuntime") if isinstance(data, dict) else None
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries) or not entries:
            findings.add(
                Code.CONFIG_UNREADABLE,
                f"{path} has no list modelsRuntime with at least one runtime (docs/deploy/configuration.md)",
            )
            return None
        return cls(path, text, text)

    @property
    def data(self) -> dict[str, Any]:
        """What the text says."""
        return _parsed(self.text)

    @property
    def is_new(self) -> bool:
        """Whether nobody has chosen a bucket yet: then the options say what the one runtime is."""
        bucket = self.bucket
        return bucket in (None, PLACEHOLDER) or "<" in str(bucket)

    @property
    def bucket(self) -> str | None:
        """The name of the model bucket."""
        arn = self.data.get("modelBucketArn")
        return str(arn).rpartition(":")[2] if arn else None

    @property
    def stack_name(self) -> str:
        """The name of the deployment."""
        return str(self.data.get("stackName") or STACK_NAME)

    @property
    def kubernetes(self) -> str:
        """The cluster's version."""
        return str(self.data.get("kubernetesVersion") or KUBERNETES)

    @property
    def runtimes(self) -> list[Runtime]:
        """The runtimes, in their order."""
        return [Runtime(index, one) for index, one in enumerate(self.data["modelsRuntime"])]

    @property
    def network(self) -> dict[str, Any]:
        """The section `network`; what is no section, the CDK app refuses."""
        said = self.data.get("network")
        return said if isinstance(said, dict) else {}

    @property
    def nat_gateways(self) -> int:
        """How many NAT gateways are made: one in each zone of a VPC of its own."""
        if self.network.get("existingVpc"):
            return 0
        said = self.network.get("natGateways") or self.network.get("zones")
        return said if isinstance(said, int) else ZONES

    @property
    def system_nodes(self) -> tuple[str, int]:
        """The instance type of the system nodes, and how many there are."""
        said = self.data.get("systemNodes")
        section = said if isinstance(said, dict) else {}
        instance, count = section.get("instanceType"), section.get("count")
        return (
            instance if isinstance(instance, str) else SYSTEM_INSTANCE,
            count if isinstance(count, int) else SYSTEM_NODES,
        )

    def runtime(self, name: str) -> Runtime | None:
        """Return a runtime by its name."""
        return next((one for one in self.runtimes if one.name == name), None)

    def put(self, path: Sequence[str | int], value: Any) -> None:
        """Change a value.

        Raises:
            StepError: it has to be done by hand.
        """
        try:
            self.text = yaml_text.put(self.text, path, value)
        except yaml_text.CannotChangeError as exc:
            where = ".".join(map(str, path))
            raise StepError(
                f"{self.path}: {where} cannot be changed without touching what is around it;"
                f" set it to {value!r} by hand, and start again"
            ) from exc

    def put_value(self, runtime: Runtime, path: Sequence[str], value: Any) -> None:
        """Change a value for the chart of a runtime."""
        self.put(["modelsRuntime", runtime.index, "extraValues", *path], value)

    def put_agent_image(self, runtime: Runtime, image: str) -> None:
        """Say which image of the queue agent a runtime has."""
        repository, tag = split_tag(image)
        self.put_value(runtime, [*_AGENT, "repository"], repository)
        self.put_value(runtime, [*_AGENT, "tag"], tag)

    def put_snapshot(self, runtime: Runtime, snapshot: str) -> None:
        """Say which image cache the nodes of a runtime have."""
        if not runtime.value("karpenter", "nodeTemplate", "amiFamily"):
            self.put_value(runtime, ["karpenter", "nodeTemplate", "amiFamily"], "Bottlerocket")
        self.put_value(runtime, _SNAPSHOT, snapshot)

    def put_instance_types(self, runtime: Runtime, types: Sequence[str]) -> None:
        """Say which instances a runtime may have."""
        self.put_value(runtime, _TYPES, list(types))

    def changes(self) -> Iterator[str]:
        """Return the lines of what would be changed in the file."""
        before = (self.before or "").splitlines()
        for line in difflib.unified_diff(before, self.text.splitlines(), lineterm="", n=1):
            if not line.startswith(("---", "+++")):
                yield line

    @property
    def is_written(self) -> bool:
        """Whether the file says all this already."""
        return self.before == self.text

    def write(self) -> None:
        """Put it where it belongs, all of it or nothing; what a link points to is changed, not the link.

        Raises:
            StepError: the folder cannot be written to, or the file is not what it was when it was read.
        """
        target = self.path.resolve()
        draft = target.with_name(f".{target.name}.draft")
        try:
            # Building images takes an hour, in which somebody may have gone on writing.
            if _text(target) != self.before:
                raise StepError(
                    f"{self.path} was changed by somebody else meanwhile, so it was left as it is: start"
                    " again, and what is missing is filled into the new one"
                )
            draft.write_bytes(self._encoded())
            if self.before is not None:
                draft.chmod(target.stat().st_mode & 0o777)
            draft.replace(target)
        except (OSError, UnicodeDecodeError) as exc:
            raise StepError(f"{self.path} cannot be written: {exc}") from exc
        finally:
            draft.unlink(missing_ok=True)
        self.before = self.text

    def _encoded(self) -> bytes:
        """Return the bytes of the file, with the line ends that it had."""
        old = self.path.read_bytes() if self.before is not None else b""
        return self.text.replace("\n", "\r\n" if b"\r\n" in old else "\n").encode()


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


@functools.lru_cache(maxsize=8)
def _parsed(text: str) -> dict[str, Any]:
    """Read a text, which takes a while; nobody changes the result."""
    return dict(yaml.safe_load(text))


def check_folder(path: Path, findings: Findings) -> None:
    """See whether the file can be written, before there is something that it has to remember."""
    folder = path.resolve().parent
    if not folder.is_dir():
        findings.add(Code.CONFIG_UNREADABLE, f"{path}: there is no folder {folder}")
    elif not os.access(folder, os.W_OK):
        findings.add(Code.CONFIG_UNREADABLE, f"{path}: the folder {folder} cannot be written to")


def apply_options(document: Document, options: Options, findings: Findings) -> None:
    """Put into the document what the options say about names and the runtime."""
    if options.stack_name:
        if not document.is_new and options.stack_name != document.stack_name:
            findings.warn(
                f"{document.path} is of {document.stack_name} and becomes one of {options.stack_name}: what"
                f" is deployed as {document.stack_name} stays, and no file names it any more. To keep both,"
                " say --config OTHER.yaml"
            )
        document.put(["stackName"], options.stack_name)
    elif not document.data.get("stackName"):
        document.put(["stackName"], STACK_NAME)
    if document.is_new:
        _begin(document, options)
        return
    name = options.runtime_name
    if name is None and len(document.runtimes) > 1 and (options.runtime_type or options.snapshot):
        names = ", ".join(one.name for one in document.runtimes)
        findings.add(
            Code.CONFIG_DIFFERS,
            f"{document.path} has several runtimes: say which one is meant by --runtime-name ({names})",
        )
        return
    runtime = document.runtimes[0] if name is None else document.runtime(name)
    if runtime is None:
        names = ", ".join(one.name for one in document.runtimes)
        findings.add(
            Code.CONFIG_DIFFERS,
            f"--runtime-name: {document.path} has no runtime {name} (it has {names}); add it there, or begin"
            " another deployment with --config OTHER.yaml",
        )
    elif options.runtime_type and options.runtime_type != runtime.type:
        findings.add(
            Code.CONFIG_DIFFERS,
            f"--runtime-type: {runtime.name} is a {runtime.type} in {document.path}; a runtime keeps its"
            " type, so add another one there",
        )


def _begin(document: Document, options: Options) -> None:
    runtime = document.runtimes[0]
    document.put(["modelsRuntime", 0, "name"], options.runtime_name or runtime.name or RUNTIME_NAME)
    if options.runtime_type:
        document.put(["modelsRuntime", 0, "type"], options.runtime_type)


def join_tag(repository: str, tag: str) -> str:
    """Return an image's name as a container runtime takes it."""
    return f"{repository}@{tag}" if tag.startswith("sha256:") else f"{repository}:{tag}"


def split_tag(image: str) -> tuple[str, str]:
    """Return the repository and the tag or digest of an image's name."""
    if "@" in image:
        repository, _, digest = image.partition("@")
        return repository, digest
    repository, _, tag = image.rpartition(":")
    return repository, tag
