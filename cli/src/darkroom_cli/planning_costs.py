"""What `darkroom cost` does: estimate, print; count real tasks."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from console.dispatch import MakeClient, aws_client, dispatch_stack, telling
from console.errors import NoStackError
from darkroom_cli.invocation import Invocation
from darkroom_cli.planning_tables import print_whole, table_of
from darkroom_cli.terminal import Terminal
from local.clients import Clients
from local.state import read_state
from planning.cost.actual import Usage, read_usage, reader
from planning.cost.estimate import Estimate, estimate
from planning.cost.guide import (
    PUBLISHED,
    PUBLISHED_FIXED,
    PUBLISHED_IMAGES,
    PUBLISHED_TOTAL,
    SLIPS,
    guide_plan,
)
from planning.cost.plan import Group, Plan
from planning.cost.prices import load
from planning.errors import OptionError, RecordsError
from task_store import DynamoTaskStore

_DAY = 24 * 3600 * 1000  # ms
_TABLE = "TasksTable"  # output of the dispatch stack


@dataclass(frozen=True)
class Records:
    """Which real tasks are counted: of a stack, else of the system that is up."""

    stack: str | None
    region: str | None
    runtimes: tuple[str, ...]
    days: int
    sample: int


def show(
    said: Mapping[str, Any],
    prices: Path | None,
    call: Invocation,
    *,
    records: Records | None,
    guide: bool,
    explain: bool,
    as_json: bool,
    clients: MakeClient = aws_client,
) -> None:
    """Print an estimate of what was said, or of what real tasks used.

    Raises:
        OptionError: something that was said is wrong.
        RecordsError: the records cannot be read.
        NotUpError: no stack was named, and no system is up.
    """
    terminal, known = call.terminal, load(prices)
    if guide:
        if said or records:
            raise OptionError("--guide has its own inputs: it goes with --explain, --json and --prices only")
        plan = guide_plan()
    else:
        plan = Plan(**said)
    usage = None
    if records is not None:
        usage = count(records, call, clients=clients)
        plan = _as_used(plan, usage)
    found = estimate(plan, known)
    if as_json:
        terminal.say(
            json.dumps(found.as_json() | ({} if usage is None else {"actual": _usage_json(usage)}), indent=2)
        )
        return
    if usage is not None:
        _print_usage(usage, records, terminal)
    _print(found, terminal, explain=explain, guide=guide)


def count(records: Records, call: Invocation, *, clients: MakeClient = aws_client) -> Usage:
    """Sum up the records of real tasks."""
    now = int(time.time() * 1000)
    if records.stack is None:
        if records.region:
            raise OptionError("--region goes with --stack-name")
        state = read_state(call.home)
        local = Clients(state.aws_url)
        store, s3 = DynamoTaskStore(local.client("dynamodb"), state.tasks_table), local.client("s3")
        runtimes = records.runtimes or tuple(state.runtimes)
    else:
        if not records.runtimes:
            raise OptionError("--stack-name: say whose tasks with --runtime")
        with telling(records.stack, RecordsError, "AWS does not tell its tasks table"):
            table = _table_of(records.stack, clients("cloudformation", records.region))
        store = DynamoTaskStore(clients("dynamodb", records.region), table)
        s3, runtimes = clients("s3", records.region), records.runtimes
    since = now - records.days * _DAY
    return read_usage(store, reader(s3), runtimes, now=now, since=since, sample=records.sample)


def _table_of(stack: str, cloudformation: Any) -> str:
    try:
        return dispatch_stack(stack, cloudformation, (_TABLE,)).outputs[_TABLE]
    except NoStackError as exc:
        raise OptionError(f"--stack-name: {exc}") from exc


def _as_used(plan: Plan, usage: Usage) -> Plan:
    """Return the plan with the images and the seconds of real tasks; the rest of it stays what was said."""
    seconds, per_task = usage.seconds_per_task, usage.images_per_task
    if not usage.succeeded or seconds is None or per_task is None:
        raise RecordsError(
            f"{usage.tasks} tasks in that time, {usage.succeeded} of them with outputs,"
            f" {usage.measured} with GPU seconds, {usage.unread} that could not be read: nothing to count"
        )
    images = round(usage.succeeded * per_task)
    # An inference that was lost has kept a GPU, too; half of one on average.
    all_seconds = seconds * (usage.succeeded + usage.lost / 2)
    return replace(plan, images=images, seconds_per_image=max(all_seconds / images, 1e-6))


def _print_usage(usage: Usage, records: Records | None, terminal: Terminal) -> None:
    days = records.days if records else 0
    states = ", ".join(f"{number:,} {status}" for status, number in sorted(usage.statuses.items()))
    terminal.say(f"Real tasks of {days} days: {states}; {usage.lost:,} inferences lost")
    seconds = usage.seconds_per_task or 0.0
    terminal.say(f"GPU seconds of {usage.measured:,} of them: {usage.gpu_seconds:,.1f}, {seconds:,.3f} each")
    if usage.unread:
        terminal.remark(f"{usage.unread:,} outputs could not be read, or tell no GPU seconds")
    terminal.say("Below, these tasks as a month's work:")


def _usage_json(usage: Usage) -> dict[str, Any]:
    return {
        "tasks": {str(status): number for status, number in usage.statuses.items()},
        "lost_inferences": usage.lost,
        "measured": usage.measured,
        "gpu_seconds": round(usage.gpu_seconds, 3),
        "unread": usage.unread,
    }


def _print(found: Estimate, terminal: Terminal, *, explain: bool, guide: bool) -> None:
    published = [row.dollars for row in PUBLISHED] if guide else []
    sums = {Group.IMAGES: PUBLISHED_IMAGES, Group.FIXED: PUBLISHED_FIXED}
    table = table_of(
        ("", "", "unit"), ("quantity", "price", "USD a month", *(["the guide"] if guide else []))
    )
    for group in Group:
        lines = found.of(group)
        if not lines:
            continue
        for line in lines:
            theirs = [f"{published[found.lines.index(line)]:,.2f}"] if guide else []
            figures = (f"{line.quantity:,.2f}", f"{line.price:.7g}", f"{line.dollars:,.2f}")
            table.add_row(line.service, line.dimension, line.unit, *figures, *theirs)
        theirs = [f"{sums[group]:,.2f}"] if guide else []
        table.add_row(
            "",
            f"= {group}",
            "",
            "",
            "",
            f"{found.sum_of(group):,.2f}",
            *theirs,
            style="bold",
            end_section=True,
        )
    theirs = [f"{PUBLISHED_TOTAL:,.2f}"] if guide else []
    table.add_row("", "= all", "", "", "", f"{found.total:,.2f}", *theirs, style="bold")
    print_whole(table, terminal)
    terminal.say(f"{found.total / found.plan.images * 1000:,.4f} dollars for 1,000 images")
    terminal.remark(
        f"prices of {found.prices_as_of} and before, in dollars before tax; GPU: {found.gpu_price_source}"
    )
    if explain:
        terminal.say()
        for line in found.lines:
            terminal.say(f"{line.service}, {line.dimension}: {line.explained()}")
    if guide:
        terminal.say()
        terminal.say("Slips of the guide's own:")
        for slip in SLIPS:
            terminal.say(f"- {slip}")
