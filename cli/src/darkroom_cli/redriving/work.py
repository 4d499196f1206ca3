"""Finding what was given up, asking, sending it again, and telling what became of each."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from darkroom_cli.errors import BadRequestOptionError, CliError
from darkroom_cli.operating.system import telling
from darkroom_cli.redriving.items import Item, Wanted
from darkroom_cli.redriving.letters import DeadLetters, NotSentError
from darkroom_cli.redriving.webhooks import FailedWebhooks
from darkroom_cli.remote import client_of
from darkroom_cli.terminal import Terminal
from darkroom_cli.trace_drawing import printable
from darkroom_client import ApiError, UnauthorizedError, UnavailableError

if TYPE_CHECKING:
    from darkroom_cli.operating.system import System

WOULD = "would be sent"
SENT = "sent"
_RETRIES_OUTPUT, _RETRIES_VARIABLE = "WebhookRetriesUrl", "WEBHOOK_RETRY_QUEUE_URL"
_MOODS = {SENT: "green", WOULD: None}

type Confirm = Callable[[str], bool]


class NotAllSentError(CliError):
    """Some could not be sent again."""


@dataclass(frozen=True)
class Orders:
    """What the user wants."""

    wanted: Wanted
    letters: bool = True
    webhooks: bool = True
    dry_run: bool = False


def redrive(system: "System", orders: Orders, *, terminal: Terminal, confirm: Confirm) -> None:
    """Send again what was given up; each by itself, first sent and then deleted where it was kept.

    Raises:
        NotAllSentError: some were refused; they are still where they were.
        CliError: API or AWS do not answer.
    """
    with ExitStack() as stack:
        stack.enter_context(telling(system.name))
        client = stack.enter_context(client_of(system.connection))
        items: list[Item] = []
        if orders.letters:
            letters = DeadLetters(system.aws("s3"), system.output("PayloadBucket"), client)
            items += letters.find(orders.wanted)
        if orders.webhooks:
            failed = FailedWebhooks(
                system.aws("sqs"),
                dead_letters=system.output("WebhookDeadLettersUrl"),
                retries=_retries(system),
            )
            items += stack.enter_context(failed.found(orders.wanted))
        _check_named(orders.wanted, items)
        _work_off(items, orders, terminal=terminal, confirm=confirm)


def _work_off(items: Sequence[Item], orders: Orders, *, terminal: Terminal, confirm: Confirm) -> None:
    sendable = [item for item in items if item.hindrance is None]
    if not items:
        terminal.remark("nothing was given up")
        return
    outcomes = {id(item): item.hindrance or WOULD for item in items}
    if orders.dry_run or not sendable:
        _show(items, outcomes, terminal)
        return
    if not confirm(f"Send {len(sendable)} of {len(items)} again?"):
        terminal.remark("nothing was sent")
        return
    with ExitStack() as stack:
        stack.callback(_show, items, outcomes, terminal)  # after Ctrl-C, too
        for item in sendable:
            outcomes[id(item)] = _sent(item)
    refused = sum(outcomes[id(item)] != SENT for item in sendable)
    if refused:
        raise NotAllSentError(f"{refused} of {len(sendable)} could not be sent; they are kept as they were")


def _sent(item: Item) -> str:
    try:
        item.send()
    except (UnauthorizedError, UnavailableError):
        raise
    except (ApiError, NotSentError) as exc:
        return str(exc)
    return SENT


def _show(items: Sequence[Item], outcomes: dict[int, str], terminal: Terminal) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("what", "task", "runtime", "given up for", "now"):
        table.add_column(name, overflow="fold")
    for item in items:
        outcome = outcomes[id(item)]
        cells = (item.kind, item.task_id, item.runtime, item.why, outcome)
        table.add_row(*(Text(printable(cell)) for cell in cells), style=_MOODS.get(outcome, "yellow"))
    terminal.out.print(table)


def _check_named(wanted: Wanted, items: Sequence[Item]) -> None:
    missing = sorted(set(wanted.task_ids) - {item.task_id for item in items})
    if missing:
        raise BadRequestOptionError(
            f"nothing that was given up is of {', '.join(missing)}: only dead letters and failed webhooks are"
            " kept, for 30 and 14 days. Other tasks that failed: submit them again"
        )


def _retries(system: "System") -> str:
    """Return the queue of later tries: an output, or what the function itself was told."""
    if (url := system.outputs.get(_RETRIES_OUTPUT)) is not None:
        return url
    name = system.output("WebhooksFunctionName")
    told = system.aws("lambda").get_function_configuration(FunctionName=name)
    url = told.get("Environment", {}).get("Variables", {}).get(_RETRIES_VARIABLE)
    if url is None:
        raise BadRequestOptionError(f"{name} does not tell its {_RETRIES_VARIABLE}: deploy the stack again")
    return str(url)
