"""What is generated from the model: the JSON Schema for editors, and the reference page.

`python -m infra.configuration.reference ROOT` writes both into the repository.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.config import Config
from infra.configuration.sections import Key, keys_of

DIALECT = "http://json-schema.org/draft-07/schema#"  # what editors' YAML plugins know
SCHEMA_AT = Path("infra/src/infra/config.schema.json")
PAGE_AT = Path("docs/deploy/configuration.md")

INTRODUCTION = """\
# config.yaml

<!-- Made from the model: python -m infra.configuration.reference ROOT. A test compares. -->

A deployment is described by `config.yaml` in the repository's root, or the file that `CDK_CONFIG_PATH`
names. Keys and defaults are the guide's; what goes beyond it can be left out. A wrong file is refused
before anything is made: all that is wrong is told at once, each with its path, its value and what is
allowed. What works but may be a slip is a warning.

Required are `modelBucketArn` and one runtime:

```yaml
modelBucketArn: arn:aws:s3:::my-models
modelsRuntime:
- name: sdruntime
  namespace: default
  type: sdwebui
  modelFilename: v1-5-pruned-emaonly.safetensors
```

A key without a value counts as left out, a key that is there twice is refused. Versions are text: put
them in quotes, as YAML reads 1.10 as the number 1.1. Editors complete and check the file by [a JSON
Schema](../../infra/src/infra/config.schema.json), which the first line of `config.yaml` names; rules
between keys are checked at synthesis only.
"""

RULES = """\
## Rules between keys

Refused:

- two runtimes with one `name`, or with one model (`a` and `a.ckpt` are one, since requests may leave
  the ending out);
- a runtime of type `sdwebui` with neither `modelFilename` nor `dynamicModel: true`;
- a `type` that is neither built in nor in `runtimeTypes`; a type of your own with the name of a
  built-in one;
- a `namespace` of the cluster's own (`kube-system`, `keda`, `mount-s3`, `amazon-cloudwatch`, ...);
- in `aws-cn`, an address of a chart that starts with `oci://` (Karpenter's default stays, with a
  warning); anywhere, such a `chartRepository` without `chartVersion`;
- what is not in the partition of `modelBucketArn`: topic, zones, private ECR repositories, the region
  of the deployment;
- in `extraValues`, what the deployment itself hands to the chart (`cluster.name`, `cluster.nodeRole`,
  `runtime.queueUrl`, `runtime.outputBucket`, ...), and for our chart any key that it does not know;
- the model bucket in `inputs.s3`; networks in `hosts` that reach the addresses at which AWS hands out
  credentials;
- system nodes with a GPU, or too small; Local Zones;
- `network.existingVpc` together with what describes a new VPC; other numbers of subnets than of zones;
  more NAT gateways than zones;
- one of `rateLimit` and `burstLimit` without the other;
- `alarms.email` together with `alarms.topicArn`.

Warned of: a namespace that two runtimes share, `chartVersion` without `chartRepository`, a chart over
`http://`, `dynamicModel` where it has no effect, a placeholder such as `<account_id>` left in
`extraValues`, a type that nobody uses, fewer NAT gateways than zones, a Kubernetes version that will
cost more or that KEDA was not tested with, and in China whatever comes from abroad.
"""


def schema() -> dict[str, Any]:
    """Return the JSON Schema of `config.yaml`."""
    body = Config.model_json_schema(by_alias=True)
    for section in (body, *body["$defs"].values()):
        required = section.get("required", [])
        section.pop("title", None)
        for name, value in section["properties"].items():
            section["properties"][name] = _described(value, optional=name not in required)
    return {"$schema": DIALECT, **body}


def schema_text() -> str:
    """Return the schema as it is kept in the repository."""
    return json.dumps(schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def page() -> str:
    """Return the reference page as it is kept in the repository."""
    keys = list(keys_of(Config))
    tables = [_table("The deployment", "", [key for key in keys if "." not in key.path])]
    for top in keys:
        inner = [key for key in keys if key.path.startswith(f"{top.path}.")]
        if "." not in top.path and inner:
            tables.append(_table(f"`{top.path}`", f"{top.meaning[0].upper()}{top.meaning[1:]}.", inner))
    return "\n".join([INTRODUCTION, *tables, RULES])


def _described(value: dict[str, Any], *, optional: bool) -> dict[str, Any]:
    """Say of a key in one text what it is and what is allowed; and let one that may be left out be empty."""
    meaning, allowed = value.pop("title", ""), value.pop("description", "")
    about = {"description": f"{meaning}; allowed: {allowed}"}
    if "default" in value and value["default"] is None:
        del value["default"]
    if not optional or {"type": "null"} in value.get("anyOf", []):
        return value | about
    outside = {key: value.pop(key) for key in ("default",) if key in value}
    return {"anyOf": [value, {"type": "null"}]} | outside | about


def _table(heading: str, text: str, keys: list[Key]) -> str:
    lines = [f"## {heading}", "", *([text, ""] if text else []), "| key | what | allowed | default |"]
    return "\n".join([*lines, "| --- | --- | --- | --- |", *_rows(keys), ""])


def _rows(keys: list[Key]) -> Iterator[str]:
    for key in keys:
        if key.section is None:
            cells = (f"`{key.path}`", key.meaning, key.allowed, _default(key))
            yield "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _default(key: Key) -> str:
    if key.required:
        return "required"
    if key.default is None or key.default == "":
        return ""
    whole = isinstance(key.default, float) and key.default.is_integer()
    return f"`{json.dumps(int(key.default) if whole else key.default)}`"


def _escaped(cell: str) -> str:
    """Keep what is between angle brackets from being taken for HTML, and bars for the table's."""
    if cell.startswith("`"):
        return cell
    return cell.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")


def main(root: Path) -> None:
    """Write schema and page into a repository."""
    for at, text in ((SCHEMA_AT, schema_text()), (PAGE_AT, page())):
        (root / at).parent.mkdir(parents=True, exist_ok=True)
        (root / at).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m infra.configuration.reference ROOT")
    main(Path(sys.argv[1]))
