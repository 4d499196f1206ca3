import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from sd_on_eks_chart import ChartError, archive_name, pack
from sd_on_eks_chart.__main__ import main
from sd_on_eks_chart.testing import Helm


def version(chart: Path) -> str:
    text: str = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))["version"]
    return text


def test_the_same_files_are_the_same_bytes(chart: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(chart, copy)
    for file in copy.rglob("*"):
        os.utime(file, (1, 1))
    (copy / "values.yaml").chmod(0o600)
    (copy / ".hidden").write_text("not the chart's")
    assert pack(copy) == pack(chart)
    (copy / "values.yaml").write_text("{}")
    assert pack(copy) != pack(chart)


def test_helm_takes_the_archive_for_the_folder(
    helm: Helm, chart: Path, minimal: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pack", str(chart), str(tmp_path)]) == 0
    archive = tmp_path / f"sd-on-eks-{version(chart)}.tgz"
    assert capsys.readouterr().out == f"{archive}\n"
    assert helm.template(archive, minimal) == helm.template(chart, minimal)
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    assert {"sd-on-eks/Chart.yaml", "sd-on-eks/README.md", "sd-on-eks/values.schema.json"} <= set(names)
    assert all(name.startswith("sd-on-eks/") and "/." not in name for name in names)


def test_the_name_is_helms(chart: Path) -> None:
    assert archive_name(chart) == f"sd-on-eks-{version(chart)}.tgz"


def test_what_is_no_chart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ChartError, match=r"Chart\.yaml cannot be read"):
        pack(tmp_path)
    (tmp_path / "Chart.yaml").write_text("name: nobody\n")
    with pytest.raises(ChartError, match="has no line `version"):
        archive_name(tmp_path)
    (tmp_path / "Chart.yaml").unlink()
    assert main(["pack", str(tmp_path), str(tmp_path)]) == 1
    assert main([]) == 2
    assert "readme CHART" in capsys.readouterr().err
