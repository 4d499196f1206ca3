"""The price file: each price with its unit, region and date."""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from planning.errors import OptionError


class Price(BaseModel):
    """One price in US dollars before tax. `sure`: `read` in a price list, or `remembered`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    usd: float = Field(ge=0)
    unit: str
    region: str
    date: str
    sure: str
    what: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: str
    currency: str
    sure: dict[str, str]
    prices: dict[str, Price]


@dataclass(frozen=True)
class Prices:
    """All prices of a file."""

    as_of: str
    prices: dict[str, Price]
    source: str

    def __getitem__(self, name: str) -> Price:
        try:
            return self.prices[name]
        except KeyError:
            raise OptionError(f"{self.source}: no price {name!r}") from None

    def instance(self, name: str, option: str) -> Price:
        """Return what an instance costs on demand.

        Raises:
            OptionError: the file does not know it; the message names the option and what is known.
        """
        if f"ec2.{name}" not in self.prices:
            known = ", ".join(key.removeprefix("ec2.") for key in self.prices if key.startswith("ec2."))
            raise OptionError(f"{option}: no price of {name!r}; there are {known}. A file of yours: --prices")
        return self[f"ec2.{name}"]


def load(path: Path | None = None) -> Prices:
    """Read a price file; without one, the package's.

    Raises:
        OptionError: it cannot be read, or is no price file.
    """
    try:
        text = (path or files("planning.cost").joinpath("prices.json")).read_text(encoding="utf-8")
        parsed = _File.model_validate(json.loads(text))
    except OSError as exc:
        raise OptionError(f"--prices: {path} cannot be read: {exc.strerror}") from exc
    except ValidationError as exc:
        first = exc.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise OptionError(f"--prices: {path}: {field}: {first['msg']}") from exc
    except ValueError as exc:
        raise OptionError(f"--prices: {path} is no JSON: {exc}") from exc
    return Prices(parsed.as_of, parsed.prices, str(path or "the price file"))
