"""What the public guide leaves out. Each quantity is said by its formula; what nobody measured is assumed."""

from planning.cost.guide import LAMBDA_GB_SECONDS, gpu_price
from planning.cost.plan import GIB, KIB, MONTH, Group, Line, Plan
from planning.cost.prices import Prices
from planning.cost.rows import PricedRow, priced

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


def gpu_time(plan: Plan, prices: Prices) -> list[Line]:
    """Return GPU hours that are paid for and make no image."""
    hourly, _ = gpu_price(plan, prices)
    return [
        Line(Group.GPU, "EC2", dimension, hours, "hour", hourly, formula)
        for dimension, hours, formula in _idle_hours(plan)
    ]


def all_gpu_hours(plan: Plan) -> float:
    """Return the hours that GPU nodes run."""
    return plan.inference_hours + sum(hours for _, hours, _ in _idle_hours(plan))


def left_out(plan: Plan, prices: Prices) -> list[Line]:
    """Return what is no GPU."""
    rows = [
        *_disks(plan),
        *_gateways(plan),
        *_messages(plan),
        *_calls(plan),
        *_webhooks(plan),
        *_table(plan),
        *_watching(plan),
        *_downloads(plan),
    ]
    return priced(Group.OMITTED, prices, rows)


def _idle_hours(plan: Plan) -> list[tuple[str, float, str]]:
    """Return why GPUs make no image, for how many hours, and the formula of that."""
    hours = plan.inference_hours
    if plan.gpu_hours is not None:
        formula = f"--gpu-hours {plan.gpu_hours:,.2f} - {hours:,.2f} h of images"
        return [("starting, idle, between runs", plan.gpu_hours - hours, formula)]
    lost = hours / plan.gpu_busy - hours
    pods, count = plan.pods_started, f"{plan.pods_started:,} pods started"
    start, tail = plan.start_seconds, plan.tail_seconds
    return [
        ("between two runs", lost, f"{hours:,.2f} h / {plan.gpu_busy:g} busy - {hours:,.2f} h"),
        ("starting", pods * start / 3600, f"{count} x {start:g} s / 3,600"),
        ("idle tail", pods * tail / 3600, f"{count} x {tail:g} s / 3,600"),
    ]


def _disks(plan: Plan) -> list[PricedRow]:
    months = all_gpu_hours(plan) / MONTH
    nodes = f"{months * MONTH:,.2f} GPU node hours / {MONTH:g}"
    cache = "ebs.snapshot_gb_month"
    return [
        ("EBS", "disks of GPU nodes", "ebs.gb_month", months * _DISK_GIB, f"{nodes} x {_DISK_GIB} GiB"),
        ("EBS", "their IOPS", "ebs.iops_month", months * _DISK_IOPS, f"{nodes} x (4,000 - 3,000)"),
        ("EBS", "their throughput", "ebs.mbps_month", months * _DISK_MBPS, f"{nodes} x (1,000 - 125) MB/s"),
        ("EBS", "image cache snapshot", cache, _SNAPSHOT_GIB, f"{_SNAPSHOT_GIB} GiB at most"),
    ]


def _gateways(plan: Plan) -> list[PricedRow]:
    hours, formula = plan.nat_gateways * MONTH, f"{plan.nat_gateways} gateways x {MONTH:g} h"
    through = plan.images * _NAT_KIB * KIB / GIB
    return [
        ("NAT gateway", "hours", "nat.hour", hours, formula),
        ("NAT gateway", "public addresses", "ipv4.hour", hours, formula),
        ("NAT gateway", "data", "nat.gb", through, f"{_images(plan)} x {_NAT_KIB} KiB, in GiB"),
    ]


def _messages(plan: Plan) -> list[PricedRow]:
    millions, count = plan.images / 1e6, _images(plan)
    more = (_SQS_CALLS - 2) * millions
    idle = max(0.0, all_gpu_hours(plan) - plan.inference_hours) * 3600 / 20
    looks = (_KEDA_LOOKS * plan.runtimes + idle) / 1e6
    looking = f"({plan.runtimes} runtimes x {_KEDA_LOOKS:,.0f} + {idle:,.0f} of idle agents), in millions"
    return [
        ("SNS", "the second publish", "sns.publish", millions, f"{count}, the notification, in millions"),
        ("SQS", "the third request", "sqs.request", more, f"{count} x ({_SQS_CALLS} - 2), in millions"),
        ("SQS", "looks at the queue", "sqs.request", looks, looking),
    ]


def _calls(plan: Plan) -> list[PricedRow]:
    count = _images(plan)
    larger = plan.images * (_VALIDATOR_GB_SECONDS - LAMBDA_GB_SECONDS)
    by = f"{count} x ({_VALIDATOR_GB_SECONDS:g} - {LAMBDA_GB_SECONDS:g}) GB-s"
    asked, calls = plan.images * plan.status_per_image, f"{count} x {plan.status_per_image:g} status calls"
    seconds, run = asked * _STATUS_GB_SECONDS, (asked + _SWEEPS) / 1e6
    running = f"({calls} + {_SWEEPS:,.0f} sweeps), in millions"
    return [
        ("Lambda", "validator", "lambda.gb_second", larger, by),
        ("API Gateway", "status calls", "apigateway.request", asked / 1e6, f"{calls}, in millions"),
        ("Lambda", "status calls", "lambda.gb_second", seconds, f"{calls} x {_STATUS_GB_SECONDS:g} GB-s"),
        ("Lambda", "status calls and sweeps", "lambda.request", run, running),
    ]


def _webhooks(plan: Plan) -> list[PricedRow]:
    told = plan.images * plan.webhooks_per_image
    hooks = f"{_images(plan)} x {plan.webhooks_per_image:g} webhooks"
    seconds = told * _WEBHOOK_GB_SECONDS
    return [
        ("Lambda", "webhooks", "lambda.gb_second", seconds, f"{hooks} x {_WEBHOOK_GB_SECONDS:g} GB-s"),
        ("SQS", "webhooks", "sqs.request", 2 * told / 1e6, f"{hooks} x 2, in millions"),
    ]


def _table(plan: Plan) -> list[PricedRow]:
    count = _images(plan)
    writes = plan.images * _TABLE_WRITES / 1e6
    reads = plan.images * (_TABLE_READS + plan.status_per_image) / 1e6
    reading = f"{count} x ({_TABLE_READS} + status calls) units, in millions"
    rows = plan.images * _ROW_KIB * KIB / GIB
    return [
        ("DynamoDB", "writes", "dynamodb.write", writes, f"{count} x {_TABLE_WRITES} units, in millions"),
        ("DynamoDB", "reads", "dynamodb.read", reads, reading),
        ("DynamoDB", "rows, 30 days", "dynamodb.gb_month", rows, f"{count} x {_ROW_KIB} KiB, in GiB"),
    ]


def _watching(plan: Plan) -> list[PricedRow]:
    count, runtimes = _images(plan), f"{plan.runtimes} runtimes"
    logged, traced = plan.images * _LOG_KIB * KIB / GIB, plan.images * plan.traced / 1e6
    metrics, alarms = _METRICS * plan.runtimes, 20 + 8 * plan.runtimes
    return [
        ("CloudWatch", "logs", "logs.gb", logged, f"{count} x {_LOG_KIB} KiB, in GiB"),
        ("X-Ray", "traces", "xray.trace", traced, f"{count} x {plan.traced:g} traced, in millions"),
        ("CloudWatch", "agents' metrics", "cloudwatch.metric_month", metrics, f"{runtimes} x {_METRICS}"),
        ("CloudWatch", "alarms", "cloudwatch.alarm_month", alarms, f"20 + {runtimes} x 8"),
    ]


def _downloads(plan: Plan) -> list[PricedRow]:
    if not plan.downloaded:
        return []
    out = plan.images * plan.downloaded * plan.image_kib * KIB / GIB
    formula = f"{_images(plan)} x {plan.downloaded:g} x {plan.image_kib:g} KiB, in GiB"
    return [("S3", "downloads", "data.out", out, formula)]


def _images(plan: Plan) -> str:
    return f"{plan.images:,} images"
