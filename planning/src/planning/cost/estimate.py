"""An estimate: all lines of a plan, and their sums."""

from dataclasses import dataclass
from typing import Any

from planning.cost import guide, omitted
from planning.cost.plan import Group, Line, Plan
from planning.cost.prices import Prices


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a plan costs a month."""

    plan: Plan
    lines: tuple[Line, ...]
    prices_as_of: str
    gpu_price_source: str

    def of(self, group: Group) -> tuple[Line, ...]:
        """Return the lines of a part."""
        return tuple(line for line in self.lines if line.group is group)

    def sum_of(self, group: Group) -> float:
        """Return what a part costs."""
        return sum(line.dollars for line in self.of(group))

    @property
    def total(self) -> float:
        """What all costs."""
        return sum(line.dollars for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        """Return lines and sums."""
        return {
            "prices_as_of": self.prices_as_of,
            "gpu_price": self.gpu_price_source,
            "images": self.plan.images,
            "lines": [
                {
                    "group": line.group.name.lower(),
                    "service": line.service,
                    "dimension": line.dimension,
                    "quantity": line.quantity,
                    "unit": line.unit,
                    "price": line.price,
                    "dollars": round(line.dollars, 4),
                    "formula": line.explained(),
                }
                for line in self.lines
            ],
            "sums": {group.name.lower(): round(self.sum_of(group), 2) for group in Group if self.of(group)},
            "total": round(self.total, 2),
            "dollars_per_1000": round(self.total / self.plan.images * 1000, 4),
        }


def estimate(plan: Plan, prices: Prices) -> Estimate:
    """Work out what a plan costs.

    Raises:
        OptionError: it names an instance that the price file does not know.
    """
    lines = [*guide.by_image(plan, prices), *guide.fixed(plan, prices)]
    if not plan.guide_only:
        lines += [*omitted.gpu_time(plan, prices), *omitted.left_out(plan, prices)]
    return Estimate(plan, tuple(lines), prices.as_of, guide.gpu_price(plan, prices)[1])
