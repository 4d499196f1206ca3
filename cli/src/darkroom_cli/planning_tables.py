"""Tables of figures that are never cut: where there is no terminal, they are as wide as they have to be."""

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from darkroom_cli.terminal import Terminal

_WIDEST = 1000


def table_of(texts: tuple[str, ...], figures: tuple[str, ...]) -> Table:
    """Make a table with columns for texts, then for figures."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in texts:
        table.add_column(heading, no_wrap=True)
    for heading in figures:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def print_whole(table: Table, terminal: Terminal) -> None:
    """Print a table as wide as it is; in a narrow terminal its lines go on below."""
    console = terminal.out
    needed = Measurement.get(console, console.options.update(max_width=_WIDEST), table).maximum
    wide = Console(
        file=console.file, width=max(needed, 1), highlight=False, force_terminal=console.is_terminal
    )
    wide.print(table, markup=False)
