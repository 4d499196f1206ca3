"""What checkov says of the chart's objects: nothing that has no reason beside it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sd_on_eks_chart.analysers import checkov

RUNTIMES: dict[str, dict[str, Any]] = {
    "sdwebui": {},
    "dynamic": {"runtime": {"modelFilename": "", "dynamicModel": True}},
    "comfyui": {"runtime": {"type": "comfyui", "modelFilename": ""}},
}


@pytest.fixture(name="folder")
def _folder(render: Any, tmp_path: Path) -> Path:
    folder = tmp_path / "objects"
    folder.mkdir()
    for name, values in RUNTIMES.items():
        release = render(values, release=name, namespace="runtimes")
        (folder / f"{name}.yaml").write_text(yaml.safe_dump_all(release.objects), encoding="utf-8")
    return folder


def test_checkov_has_nothing_to_say_that_is_not_answered(folder: Path) -> None:
    report = checkov(folder, "kubernetes")
    assert report.failed == ()
    assert report.passed > 100
    answered = {line.partition(" ")[0] for line in report.skipped}
    pods = [
        document["metadata"]["annotations"]
        for path in folder.glob("*.yaml")
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if document["kind"] == "Deployment"
    ]
    for annotations in pods:
        reasons = [text for name, text in annotations.items() if name.startswith("checkov.io/")]
        assert {reason.partition("=")[0] for reason in reasons} == answered
        assert all(len(reason.partition("=")[2]) > 20 for reason in reasons)


def test_checkov_finds_what_is_wrong(render: Any, tmp_path: Path) -> None:
    release = render()
    release.container("queue-agent")["securityContext"]["allowPrivilegeEscalation"] = True
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump_all(release.objects), encoding="utf-8")
    assert any(line.startswith("CKV_K8S_20 Deployment") for line in checkov(tmp_path, "kubernetes").failed)
