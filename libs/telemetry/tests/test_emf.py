import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from telemetry.emf import EmfMeter


@pytest.fixture
def lines() -> list[str]:
    return []


def read(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


def test_a_count_is_a_line_that_cloudwatch_takes_for_a_metric(lines: list[str]) -> None:
    meter = EmfMeter(service="validator", write=lines.append)
    before = time.time_ns() // 1_000_000
    meter.count("Refused", code="bad_json")
    meter.count("Refused", 2, code="bad_json")
    assert lines == []
    meter.flush()
    [line] = read(lines)
    timestamp = line["_aws"].pop("Timestamp")
    assert before <= timestamp <= time.time_ns() // 1_000_000
    assert line == {
        "_aws": {
            "CloudWatchMetrics": [
                {
                    "Namespace": "Darkroom",
                    "Dimensions": [["code", "service"]],
                    "Metrics": [{"Name": "Refused", "Unit": "Count"}],
                }
            ]
        },
        "code": "bad_json",
        "service": "validator",
        "Refused": 3,
    }


def test_each_name_and_each_set_of_dimensions_is_counted_by_itself(lines: list[str]) -> None:
    meter = EmfMeter(service="s", write=lines.append)
    meter.count("A")
    meter.count("A", x="1", y="2")
    meter.count("A", y="2", x="1")
    meter.count("B")
    meter.flush()
    counted = [(line.get("x"), line.get("A"), line.get("B")) for line in read(lines)]
    assert sorted(counted, key=str) == [("1", 2, None), (None, 1, None), (None, None, 1)]


def test_what_was_written_is_not_written_again(lines: list[str]) -> None:
    meter = EmfMeter(service="s", write=lines.append)
    meter.count("A")
    meter.flush()
    meter.flush()
    meter.count("A")
    meter.flush()
    assert [line["A"] for line in read(lines)] == [1, 1]


def test_the_log_is_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    meter = EmfMeter(service="s")
    meter.count("A")
    meter.flush()
    assert json.loads(capsys.readouterr().out)["A"] == 1


def test_threads_may_count_together(lines: list[str]) -> None:
    meter = EmfMeter(service="s", write=lines.append)
    with ThreadPoolExecutor(16) as pool:
        for _ in range(16):
            pool.map(meter.count, ["A"] * 200)
    meter.flush()
    assert sum(line["A"] for line in read(lines)) == 3200
