"""Frozen values as plain ones, without copying what is in them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any


def by_name(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name, each as it is.

    dataclasses.asdict() copies all that they hold, count by count.
    """
    return {field.name: getattr(value, field.name) for field in fields(value)}
