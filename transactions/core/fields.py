"""Frozen values as plain ones, without copying what is in them."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from typing import Any


def by_name(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name, each as it is.

    dataclasses.asdict() copies all that they hold, count by count.
    """
    return {name: getattr(value, name) for name in _names(type(value))}


@lru_cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
