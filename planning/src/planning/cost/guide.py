"""The public guide's two tables, worked out: the same rows in the same order."""

import math
from dataclasses import dataclass

from planning.cost.plan import GIB, KIB, MONTH, Group, Line, Plan
from planning.cost.prices import Prices
from planning.cost.rows import PricedRow, priced

#: GB-seconds of one request, as the guide counts: 128 MB for 100 ms.
LAMBDA_GB_SECONDS = 0.0125
#: Where nobody says what a spot instance costs: its share of the list price. An assumption.
ASSUMED_SPOT = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """A row as the guide prints it, for a million images or a month."""

    service: str
    dimension: str
    dollars: float


PUBLISHED = (
    Row("EC2", "GPU instance", 207.00),
    Row("API Gateway", "requests", 3.50),
    Row("Lambda", "GB-seconds", 0.21),
    Row("Lambda", "requests", 0.20),
    Row("SNS", "publishes", 0.50),
    Row("SNS", "data", 0.68),
    Row("SQS", "requests", 0.80),
    Row("S3", "PUT requests", 10.00),
    Row("S3", "storage", 3.29),
    Row("EKS", "control plane", 72.00),
    Row("EC2", "system nodes", 138.24),
)
PUBLISHED_IMAGES = 226.18
PUBLISHED_FIXED = 210.24
PUBLISHED_TOTAL = 436.72

SLIPS = (
    "SNS publishes: two million at 0.50 are printed as 0.50. An image has two (request, notification): 1.00.",
    "SNS data: 7.62 GB are 8 KB a request; its footnote says 16 KB, which is 1.37. 0.6858 is cut to 0.68.",
    "SNS data is priced as data to the internet; what goes to SQS in the same region is not.",
    "Its headline of 436.72 is 0.30 more than its two sums, 226.18 + 210.24 = 436.42.",
    "Its month has 720 hours; AWS's own calculator counts 730 (fixed costs 1.4 % more).",
)


def guide_plan() -> Plan:
    """Return the inputs of the guide's tables."""
    return Plan(system_instance="m5.large", spot_price=0.4968, guide_only=True)


def gpu_price(plan: Plan, prices: Prices) -> tuple[float, str]:
    """Return what a GPU instance costs an hour, and where that is from."""
    listed = prices.instance(plan.instance, "--instance")
    if plan.on_demand:
        return listed.usd, f"on demand, {listed.region}, {listed.date}"
    if plan.spot_price is not None:
        return plan.spot_price, "--spot-price"
    known = prices.prices.get(f"spot.{plan.instance}")
    if known is not None:
        return known.usd, f"spot, {known.region}, {known.date}"
    return listed.usd * ASSUMED_SPOT, f"assumed: {ASSUMED_SPOT:.0%} of the list price; say --spot-price"


def by_image(plan: Plan, prices: Prices) -> list[Line]:
    """Return the rows that grow with the images."""
    hourly, _ = gpu_price(plan, prices)
    count = f"{plan.images:,} images"
    formula = f"{count} x {plan.seconds_per_image:g} s / 3,600"
    gpu = Line(Group.IMAGES, "EC2", "GPU instance", plan.inference_hours, "hour", hourly, formula)
    millions = plan.images / 1e6
    asked = f"{count}, one request each, in millions"
    seconds = plan.images * LAMBDA_GB_SECONDS
    published = f"{count}, one publish each as the guide bills, in millions"
    sent = _cut(plan.images * plan.request_kib * KIB / GIB)
    sending = f"{count} x {plan.request_kib:g} KiB, in GiB, cut to two decimals"
    puts = 2 * plan.images / 1e3
    stored = _cut(plan.images * plan.image_kib * KIB / GIB)
    storing = f"{count} x {plan.image_kib:g} KiB for a month, in GiB, cut"
    rows: list[PricedRow] = [
        ("API Gateway", "requests", "apigateway.request", millions, asked),
        ("Lambda", "GB-seconds", "lambda.gb_second", seconds, f"{count} x 0.125 GB x 0.1 s"),
        ("Lambda", "requests", "lambda.request", millions, f"{count}, one call each, in millions"),
        ("SNS", "publishes", "sns.publish", millions, published),
        ("SNS", "data", "data.out", sent, sending),
        ("SQS", "requests", "sqs.request", 2 * millions, f"{count} x 2, in millions"),
        ("S3", "PUT requests", "s3.put", puts, f"{count} x 2 (image, .out), in thousands"),
        ("S3", "storage", "s3.gb_month", stored, storing),
    ]
    return [gpu, *priced(Group.IMAGES, prices, rows)]


def fixed(plan: Plan, prices: Prices) -> list[Line]:
    """Return the rows that do not."""
    nodes = prices.instance(plan.system_instance, "--system-instance")
    hours = plan.system_nodes * MONTH
    formula = f"{plan.system_nodes} x {plan.system_instance} x {MONTH:g} h"
    cluster = prices["eks.cluster"].usd
    return [
        Line(Group.FIXED, "EKS", "control plane", MONTH, "hour", cluster, "hours of a month"),
        Line(Group.FIXED, "EC2", "system nodes", hours, "hour", nodes.usd, formula),
    ]


def _cut(quantity: float) -> float:
    """Cut to two decimals, as the guide does with its GB."""
    return math.floor(quantity * 100) / 100
