"""The queue agent that the chart was made for."""

from pathlib import Path

import yaml

AGENT = Path(__file__).parents[2] / "services" / "queue-agent" / "VERSION"


def test_the_charts_agent_is_the_one_that_lies_beside_it(chart: Path) -> None:
    about = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    assert about["appVersion"] == AGENT.read_text(encoding="utf-8").strip()
