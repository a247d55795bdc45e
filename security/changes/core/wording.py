"""A change request's changes in words that a person can compare."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from audit.base.core.amounts import grouped, spoken_text

NOT_SET, NONE = "not set", "none"
_DECIMAL = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,8})?")
# As agents.policy.core.approval_levels writes a level.
_LEVEL = re.compile(r"above ([0-9]{1,20}(?:\.[0-9]{1,8})?)(?=:)")


def change_lines(
    changes: Mapping[str, Any], currency: str = ""
) -> list[tuple[str, str, str]]:
    """Return (name, before, after) of each field, as texts.

    `changes` is ChangeRequest.changes: name -> [old, new], or of a list
    {"added": [...], "removed": [...]}, where before is what goes, after what comes.
    `currency` is that of the amounts which do not say theirs: a policy's.
    """
    return [_line(name, change, currency) for name, change in changes.items()]


def _line(name: str, change: Any, currency: str) -> tuple[str, str, str]:
    spoken = name.replace("_", " ").capitalize()
    if isinstance(change, Mapping):
        gone, come = (_text(change[key], currency) for key in ("removed", "added"))
        return spoken, f"loses {gone}", f"gains {come}"
    before, after = (_text(value, currency) for value in change)
    return spoken, before, after


def _text(value: Any, currency: str) -> str:
    match value:
        case None:
            return NOT_SET
        case []:
            return NONE
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(_item(item, currency) for item in value)
        case str():
            return _amount(value, currency)
    return str(value)


def _item(value: Any, currency: str) -> str:
    """Return what stands in a list: a name, a level of approvals, or a limit."""
    if isinstance(value, Mapping):
        given = {name: item for name, item in value.items() if item not in (None, "")}
        return " ".join(
            f"{name} {_amount(str(item), currency) if name == 'amount' else item}"
            for name, item in given.items()
        )
    return _LEVEL.sub(lambda found: f"above {_amount(found[1], currency)}", str(value))


def _amount(text: str, currency: str) -> str:
    if currency and _DECIMAL.fullmatch(text):
        return f"{grouped(text)} {currency}"
    return spoken_text(text)
