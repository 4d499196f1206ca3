"""What the public guide leaves out. Each quantity is said by its formula; what nobody measured is assumed."""

from collections.abc import Iterator

from planning.cost.guide import LAMBDA_GB_SECONDS, gpu_price
from planning.cost.plan import GIB, KIB, MONTH, Group, Line, Plan
from planning.cost.prices import Prices

# The disks of a GPU node, as the chart sets them: 10 + 100 GiB of gp3, and what the larger one has extra.
_DISK_GIB = 110
_DISK_IOPS = 1000
_DISK_MBPS = 875
_SNAPSHOT_GIB = 100
# Measured where said, else assumed: what one image causes.
_VALIDATOR_GB_SECONDS = 0.05  # 1 GiB for 50 ms
_STATUS_GB_SECONDS = 0.025  # 0.5 GiB for 50 ms
_WEBHOOK_GB_SECONDS = 0.05  # 1 GiB for 0.5 s, ten at a time
_TABLE_WRITES = 15  # record, published, claim, commit, told: 2 units each, and the indexes' 5
_TABLE_READS = 4
_ROW_KIB = 2
_LOG_KIB = 4  # validator and agent
_NAT_KIB = 24  # the agent's calls of SQS, SNS and DynamoDB; S3 has an endpoint of its own
_SQS_CALLS = 3  # SNS' delivery, receive, delete; the guide counts 2
# What goes on with no image at all, a month.
_KEDA_LOOKS = MONTH * 3600 / 5 + MONTH * 3600 / 15  # KEDA's polling, and the HPA's
_SWEEPS = MONTH * 60 / 5
_METRICS = 15


def gpu_time(plan: Plan, prices: Prices) -> Iterator[Line]:
    """Yield GPU hours that are paid for and make no image."""
    hourly, _ = gpu_price(plan, prices)

    def line(dimension: str, hours: float, formula: str) -> Line:
        return Line(Group.GPU, "EC2", dimension, hours, "hour", hourly, formula)

    hours = plan.inference_hours
    if plan.gpu_hours is not None:
        idle = plan.gpu_hours - hours
        yield line(
            "starting, idle, between runs",
            idle,
            f"--gpu-hours {plan.gpu_hours:,.2f} - {hours:,.2f} h of images",
        )
    else:
        lost = hours / plan.gpu_busy - hours
        yield line("between two runs", lost, f"{hours:,.2f} h / {plan.gpu_busy:g} busy - {hours:,.2f} h")
        pods = f"{plan.pods_started:,} pods started"
        yield line(
            "starting",
            plan.pods_started * plan.start_seconds / 3600,
            f"{pods} x {plan.start_seconds:g} s / 3,600",
        )
        yield line(
            "idle tail",
            plan.pods_started * plan.tail_seconds / 3600,
            f"{pods} x {plan.tail_seconds:g} s / 3,600",
        )


def all_gpu_hours(plan: Plan, prices: Prices) -> float:
    """Return the hours that GPU nodes run."""
    return plan.inference_hours + sum(line.quantity for line in gpu_time(plan, prices))


def left_out(plan: Plan, prices: Prices) -> Iterator[Line]:
    """Yield what is no GPU."""
    yield from _machines(plan, prices)
    yield from _requests(plan, prices)
    yield from _around(plan, prices)


def _line(prices: Prices, price: str, service: str, dimension: str, quantity: float, *, how: str) -> Line:
    found = prices[price]
    return Line(Group.OMITTED, service, dimension, quantity, found.unit, found.usd, how)


def _machines(plan: Plan, prices: Prices) -> Iterator[Line]:
    months = all_gpu_hours(plan, prices) / MONTH
    nodes = f"{months * MONTH:,.2f} GPU node hours / {MONTH:g}"
    yield _line(
        prices,
        "ebs.gb_month",
        "EBS",
        "disks of GPU nodes",
        months * _DISK_GIB,
        how=f"{nodes} x {_DISK_GIB} GiB",
    )
    yield _line(
        prices, "ebs.iops_month", "EBS", "their IOPS", months * _DISK_IOPS, how=f"{nodes} x (4,000 - 3,000)"
    )
    yield _line(
        prices,
        "ebs.mbps_month",
        "EBS",
        "their throughput",
        months * _DISK_MBPS,
        how=f"{nodes} x (1,000 - 125) MB/s",
    )
    yield _line(
        prices,
        "ebs.snapshot_gb_month",
        "EBS",
        "image cache snapshot",
        _SNAPSHOT_GIB,
        how=f"{_SNAPSHOT_GIB} GiB at most",
    )
    gateways = f"{plan.nat_gateways} gateways x {MONTH:g} h"
    yield _line(prices, "nat.hour", "NAT gateway", "hours", plan.nat_gateways * MONTH, how=gateways)
    yield _line(
        prices, "ipv4.hour", "NAT gateway", "public addresses", plan.nat_gateways * MONTH, how=gateways
    )
    through = plan.images * _NAT_KIB * KIB / GIB
    yield _line(
        prices,
        "nat.gb",
        "NAT gateway",
        "data",
        through,
        how=f"{plan.images:,} images x {_NAT_KIB} KiB, in GiB",
    )


def _requests(plan: Plan, prices: Prices) -> Iterator[Line]:
    images, millions, count = plan.images, plan.images / 1e6, f"{plan.images:,} images"
    yield _line(
        prices,
        "sns.publish",
        "SNS",
        "the second publish",
        millions,
        how=f"{count}, the notification, in millions",
    )
    more = (_SQS_CALLS - 2) * millions
    yield _line(
        prices,
        "sqs.request",
        "SQS",
        "the third request",
        more,
        how=f"{count} x ({_SQS_CALLS} - 2), in millions",
    )
    idle = max(0.0, all_gpu_hours(plan, prices) - plan.inference_hours) * 3600 / 20
    looks = _KEDA_LOOKS * plan.runtimes
    yield _line(
        prices,
        "sqs.request",
        "SQS",
        "looks at the queue",
        (looks + idle) / 1e6,
        how=f"({plan.runtimes} runtimes x {_KEDA_LOOKS:,.0f} + {idle:,.0f} of idle agents), in millions",
    )
    larger = images * (_VALIDATOR_GB_SECONDS - LAMBDA_GB_SECONDS)
    yield _line(
        prices,
        "lambda.gb_second",
        "Lambda",
        "validator",
        larger,
        how=f"{count} x ({_VALIDATOR_GB_SECONDS:g} - {LAMBDA_GB_SECONDS:g}) GB-s",
    )
    asked = images * plan.status_per_image
    calls = f"{count} x {plan.status_per_image:g} status calls"
    yield _line(
        prices, "apigateway.request", "API Gateway", "status calls", asked / 1e6, how=f"{calls}, in millions"
    )
    seconds = asked * _STATUS_GB_SECONDS
    yield _line(
        prices,
        "lambda.gb_second",
        "Lambda",
        "status calls",
        seconds,
        how=f"{calls} x {_STATUS_GB_SECONDS:g} GB-s",
    )
    yield _line(
        prices,
        "lambda.request",
        "Lambda",
        "status calls and sweeps",
        (asked + _SWEEPS) / 1e6,
        how=f"({calls} + {_SWEEPS:,.0f} sweeps), in millions",
    )
    told = images * plan.webhooks_per_image
    hooks = f"{count} x {plan.webhooks_per_image:g} webhooks"
    yield _line(
        prices,
        "lambda.gb_second",
        "Lambda",
        "webhooks",
        told * _WEBHOOK_GB_SECONDS,
        how=f"{hooks} x {_WEBHOOK_GB_SECONDS:g} GB-s",
    )
    yield _line(prices, "sqs.request", "SQS", "webhooks", 2 * told / 1e6, how=f"{hooks} x 2, in millions")


def _around(plan: Plan, prices: Prices) -> Iterator[Line]:
    images, count = plan.images, f"{plan.images:,} images"
    writes, reads = images * _TABLE_WRITES / 1e6, images * (_TABLE_READS + plan.status_per_image) / 1e6
    yield _line(
        prices,
        "dynamodb.write",
        "DynamoDB",
        "writes",
        writes,
        how=f"{count} x {_TABLE_WRITES} units, in millions",
    )
    yield _line(
        prices,
        "dynamodb.read",
        "DynamoDB",
        "reads",
        reads,
        how=f"{count} x ({_TABLE_READS} + status calls) units, in millions",
    )
    rows = images * _ROW_KIB * KIB / GIB
    yield _line(
        prices,
        "dynamodb.gb_month",
        "DynamoDB",
        "rows, 30 days",
        rows,
        how=f"{count} x {_ROW_KIB} KiB, in GiB",
    )
    yield _line(
        prices,
        "logs.gb",
        "CloudWatch",
        "logs",
        images * _LOG_KIB * KIB / GIB,
        how=f"{count} x {_LOG_KIB} KiB, in GiB",
    )
    yield _line(
        prices,
        "xray.trace",
        "X-Ray",
        "traces",
        images * plan.traced / 1e6,
        how=f"{count} x {plan.traced:g} traced, in millions",
    )
    metrics = _METRICS * plan.runtimes
    yield _line(
        prices,
        "cloudwatch.metric_month",
        "CloudWatch",
        "agents' metrics",
        metrics,
        how=f"{plan.runtimes} runtimes x {_METRICS}",
    )
    alarms = 20 + 8 * plan.runtimes
    yield _line(
        prices,
        "cloudwatch.alarm_month",
        "CloudWatch",
        "alarms",
        alarms,
        how=f"20 + {plan.runtimes} runtimes x 8",
    )
    if plan.downloaded:
        out = images * plan.downloaded * plan.image_kib * KIB / GIB
        yield _line(
            prices,
            "data.out",
            "S3",
            "downloads",
            out,
            how=f"{count} x {plan.downloaded:g} x {plan.image_kib:g} KiB, in GiB",
        )
