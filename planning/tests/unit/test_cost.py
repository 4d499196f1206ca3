import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from planning.cost.estimate import Estimate, estimate
from planning.cost.guide import (
    PUBLISHED,
    PUBLISHED_FIXED,
    PUBLISHED_IMAGES,
    PUBLISHED_TOTAL,
    SLIPS,
    guide_plan,
)
from planning.cost.plan import Group, Line, Plan
from planning.cost.prices import Prices, load
from planning.errors import OptionError


@pytest.fixture(scope="module")
def prices() -> Prices:
    return load()


@pytest.fixture(scope="module")
def guide(prices: Prices) -> Estimate:
    return estimate(guide_plan(), prices)


def line(found: Estimate, service: str, dimension: str) -> Line:
    [one] = [line for line in found.lines if (line.service, line.dimension) == (service, dimension)]
    return one


@pytest.mark.parametrize(
    "place", range(len(PUBLISHED)), ids=[f"{row.service}, {row.dimension}" for row in PUBLISHED]
)
def test_each_row_of_the_guide_comes_out_within_a_cent(guide: Estimate, place: int) -> None:
    row = PUBLISHED[place]
    assert (guide.lines[place].service, guide.lines[place].dimension) == (row.service, row.dimension)
    assert guide.lines[place].dollars == pytest.approx(row.dollars, abs=0.01)


def test_the_guide_s_rows_are_all_there_is_with_its_inputs(guide: Estimate) -> None:
    assert len(guide.lines) == len(PUBLISHED)


def test_its_sums_come_out_to_the_cent(guide: Estimate) -> None:
    assert round(guide.sum_of(Group.IMAGES), 2) == PUBLISHED_IMAGES == 226.18
    assert round(guide.sum_of(Group.FIXED), 2) == PUBLISHED_FIXED == 210.24


def test_its_headline_does_not_and_that_is_named(guide: Estimate) -> None:
    assert round(PUBLISHED_TOTAL - guide.total, 2) == 0.30
    assert any("436.72" in slip and "0.30" in slip for slip in SLIPS)


def test_its_row_of_publishes_is_wrong_by_the_second_one_and_that_is_named(prices: Prices) -> None:
    assert line(estimate(Plan(), prices), "SNS", "the second publish").dollars == pytest.approx(0.50)
    assert any("two million" in slip for slip in SLIPS)


def test_with_today_s_system_nodes_the_fixed_costs_are_those_of_its_later_edition(prices: Prices) -> None:
    assert round(estimate(Plan(), prices).sum_of(Group.FIXED), 2) == 189.50


def test_every_line_is_its_quantity_times_its_price_and_says_so(prices: Prices) -> None:
    for one in estimate(Plan(webhooks_per_image=0.5, downloaded=0.1), prices).lines:
        assert one.dollars == one.quantity * one.price
        assert one.formula
        assert one.explained().endswith(f"= {one.dollars:,.4f}")


def test_the_total_is_the_sum_of_the_parts(prices: Prices) -> None:
    found = estimate(Plan(), prices)
    assert found.total == pytest.approx(sum(found.sum_of(group) for group in Group))
    assert found.as_json()["total"] == round(found.total, 2)


@pytest.mark.parametrize(
    ("service", "dimension"),
    [
        ("EC2", "between two runs"),
        ("EC2", "starting"),
        ("EC2", "idle tail"),
        ("NAT gateway", "hours"),
        ("NAT gateway", "data"),
        ("CloudWatch", "logs"),
        ("X-Ray", "traces"),
        ("SQS", "looks at the queue"),
        ("API Gateway", "status calls"),
        ("Lambda", "webhooks"),
        ("DynamoDB", "writes"),
        ("EBS", "disks of GPU nodes"),
    ],
)
def test_what_the_guide_leaves_out_has_a_line(prices: Prices, service: str, dimension: str) -> None:
    assert line(estimate(Plan(webhooks_per_image=1), prices), service, dimension).dollars > 0


def test_a_less_busy_gpu_costs_the_hours_that_it_stands_idle(prices: Prices) -> None:
    found = estimate(Plan(gpu_busy=0.8), prices)
    assert line(found, "EC2", "between two runs").quantity == pytest.approx(1_000_000 * 1.5 / 3600 * 0.25)


def test_hours_of_a_simulation_take_the_place_of_guesses(prices: Prices) -> None:
    found = estimate(Plan(gpu_hours=500), prices)
    [rest] = found.of(Group.GPU)
    assert rest.quantity == pytest.approx(500 - 1_000_000 * 1.5 / 3600)


@pytest.mark.parametrize("factor", [2, 10])
def test_what_counts_images_grows_with_them_and_what_is_fixed_does_not(prices: Prices, factor: int) -> None:
    one, many = (estimate(Plan(images=images), prices) for images in (1_000_000, 1_000_000 * factor))
    assert many.sum_of(Group.IMAGES) == pytest.approx(factor * one.sum_of(Group.IMAGES), abs=0.01)
    assert many.sum_of(Group.FIXED) == one.sum_of(Group.FIXED)
    assert line(many, "NAT gateway", "hours") == line(one, "NAT gateway", "hours")


def test_a_price_that_nobody_knows_is_named_as_assumed(prices: Prices) -> None:
    found = estimate(Plan(instance="g6.xlarge"), prices)
    assert "assumed" in found.gpu_price_source
    assert found.lines[0].price == pytest.approx(0.8048 / 2)
    assert "on demand" in estimate(Plan(instance="g6.xlarge", on_demand=True), prices).gpu_price_source


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"images": 0}, "--images"),
        ({"seconds_per_image": -1}, "--seconds-per-image"),
        ({"gpu_busy": 1.5}, "--gpu-busy"),
        ({"traced": 2}, "--traced"),
        ({"nat_gateways": -1}, "--nat-gateways"),
        ({"gpu_hours": 10}, "--gpu-hours"),
        ({"spot_price": 1.0, "on_demand": True}, "--on-demand"),
        ({"spot_price": -1.0}, "--spot-price"),
        ({"seconds_per_image": float("nan")}, "--seconds-per-image"),
        ({"tail_seconds": float("inf")}, "--tail-seconds"),
    ],
)
def test_plans_that_cannot_be_are_refused_by_option(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        Plan(**wrong)


@pytest.mark.parametrize(
    ("field", "name"), [("instance", "--instance"), ("system_instance", "--system-instance")]
)
def test_an_instance_without_a_price_is_refused_with_those_that_have_one(
    prices: Prices, field: str, name: str
) -> None:
    with pytest.raises(OptionError, match=name) as caught:
        estimate(replace(Plan(), **{field: "p9.huge"}), prices)  # type: ignore[arg-type]  # one of two texts
    assert "g5.xlarge" in str(caught.value)


def test_every_price_has_a_region_a_unit_a_date_and_says_how_sure_it_is(prices: Prices) -> None:
    for name, price in prices.prices.items():
        assert price.region in {"us-east-1", "us-west-2"}, name
        assert price.unit, name
        assert price.date <= prices.as_of, name
        assert price.sure in {"read", "remembered"}, name


def test_prices_of_one_s_own_are_taken(tmp_path: Path, prices: Prices) -> None:
    path = tmp_path / "mine.json"
    mine = {name: price.model_dump() for name, price in prices.prices.items()}
    mine["nat.hour"]["usd"] = 1.0
    path.write_text(json.dumps({"as_of": "2027-01-01", "currency": "USD", "sure": {}, "prices": mine}))
    assert line(estimate(Plan(), load(path)), "NAT gateway", "hours").price == 1.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("{}", "as_of"),
        (
            '{"as_of": "d", "currency": "c", "sure": {}, "prices": {"eks.cluster": {"usd": -1}}}',
            "prices.eks.cluster",
        ),
    ],
)
def test_what_is_wrong_with_a_price_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(OptionError, match=r"mine\.json") as caught:
        load(path)
    assert words in str(caught.value)


def test_a_price_file_that_is_not_there_or_lacks_a_price_is_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="absent"):
        load(tmp_path / "absent.json")
    path = tmp_path / "empty.json"
    path.write_text('{"as_of": "d", "currency": "c", "sure": {}, "prices": {}}')
    with pytest.raises(OptionError, match="no price"):
        load(path)["eks.cluster"]
