"""Lines of an estimate, written as rows of a table."""

from collections.abc import Iterable

from planning.cost.plan import Group, Line
from planning.cost.prices import Prices

#: Service, dimension, name of its price, quantity, and the formula of the quantity.
type PricedRow = tuple[str, str, str, float, str]


def priced(group: Group, prices: Prices, rows: Iterable[PricedRow]) -> list[Line]:
    """Return the lines of rows.

    Raises:
        OptionError: the price file lacks one of their prices.
    """
    return [
        Line(group, service, dimension, quantity, prices[price].unit, prices[price].usd, formula)
        for service, dimension, price, quantity, formula in rows
    ]
