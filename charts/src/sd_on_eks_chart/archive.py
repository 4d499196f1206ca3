"""The chart as an archive, the same bytes for the same files.

`helm package` keeps the times of the files, which a checkout makes anew. The build runs this with a bare
Python, so it needs no package.
"""

import gzip
import io
import re
import tarfile
from fnmatch import fnmatch
from pathlib import Path

from sd_on_eks_chart.errors import ChartError

_MODE = 0o644


def archive_name(chart: Path) -> str:
    """Return the name that Helm gives the archive of the chart in that folder: `sd-on-eks-0.1.0.tgz`."""
    return f"{_said(chart, 'name')}-{_said(chart, 'version')}.tgz"


def pack(chart: Path) -> bytes:
    """Return the archive of the chart in that folder: no times, owners or modes of its files.

    Raises:
        ChartError: if the folder is no chart.
    """
    name = _said(chart, "name")
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in _files(chart):
            content = path.read_bytes()
            entry = tarfile.TarInfo(f"{name}/{path.relative_to(chart).as_posix()}")
            entry.size, entry.mode = len(content), _MODE
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)


def _said(chart: Path, key: str) -> str:
    """Return what Chart.yaml says for a key at its top."""
    found = re.search(rf"^{key}: *(\S+) *$", _text(chart / "Chart.yaml"), re.MULTILINE)
    if found is None:
        raise ChartError(f"{chart / 'Chart.yaml'} has no line `{key}: ...`")
    return found[1].strip("\"'")


def _files(chart: Path) -> list[Path]:
    """Return the files that Helm takes, Chart.yaml first as it expects."""
    ignored = _text(chart / ".helmignore").split()
    inside = [path for path in chart.rglob("*") if path.is_file()]
    kept = [path for path in inside if not _matches(path.relative_to(chart), ignored)]
    return sorted(kept, key=lambda path: (path.name != "Chart.yaml", path.as_posix()))


def _matches(path: Path, patterns: list[str]) -> bool:
    return any(fnmatch(part, pattern) for part in path.parts for pattern in patterns)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ChartError(f"{path.parent} is no chart: {path.name} cannot be read") from exc
