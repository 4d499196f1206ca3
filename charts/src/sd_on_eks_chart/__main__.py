"""`python -m sd_on_eks_chart pack CHART FOLDER`: writes the archive; `readme CHART`: the table."""

import sys
from pathlib import Path

from sd_on_eks_chart.archive import archive_name, pack
from sd_on_eks_chart.errors import ChartError


def main(arguments: list[str] | None = None) -> int:
    """Do what the arguments say; return the exit code."""
    try:
        match sys.argv[1:] if arguments is None else arguments:
            case ["pack", chart, folder]:
                target = Path(folder, archive_name(Path(chart)))
                target.write_bytes(pack(Path(chart)))
                sys.stdout.write(f"{target}\n")
            case ["readme", chart]:
                _renew(Path(chart))
            case _:
                sys.stderr.write(f"{__doc__}\n")
                return 2
    except ChartError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


def _renew(chart: Path) -> None:
    from sd_on_eks_chart.reference import with_table  # noqa: PLC0415 - it needs a package, and the build has none

    readme = chart / "README.md"
    text = with_table(readme.read_text(encoding="utf-8"), (chart / "values.yaml").read_text(encoding="utf-8"))
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
