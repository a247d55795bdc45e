"""The fields of dataclasses by name, without copying their values."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any


def by_name(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name, each value as it is.

    dataclasses.asdict() would copy all values recursively.
    """
    return {name: getattr(value, name) for name in names_of(value.__class__)}


@cache
def names_of(kind: type[Any]) -> tuple[str, ...]:
    """Return the field names of a dataclass, () for another type."""
    return tuple(each.name for each in fields(kind)) if is_dataclass(kind) else ()
