"""Figures that a user may say: `nan` and `inf` are read as numbers, too, and would spoil every sum."""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from planning.errors import OptionError


def all_finite(record: Any, names: Mapping[str, str] | None = None) -> None:
    """Check the numbers of a dataclass.

    Args:
        record: whose fields are looked at; what is no number is passed over.
        names: options of fields that are not called as the field is.

    Raises:
        OptionError: one is not finite; the message names its option.
    """
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, int | float) and not math.isfinite(value):
            name = (names or {}).get(field.name, option(field.name))
            raise OptionError(f"{name}: {value:g} is no number that can be reckoned with")


def option(field: str) -> str:
    """Return the name of a field's option."""
    return "--" + field.replace("_", "-")
