"""A change request's changes in words that a person can compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOT_SET, NONE = "not set", "none"


def change_lines(changes: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return (name, before, after) of each field, as texts.

    `changes` is ChangeRequest.changes: name -> [old, new], or of a list
    {"added": [...], "removed": [...]}, where before is what goes, after what comes.
    """
    return [_line(name, change) for name, change in changes.items()]


def _line(name: str, change: Any) -> tuple[str, str, str]:
    spoken = name.replace("_", " ").capitalize()
    if isinstance(change, Mapping):
        gone, come = _text(change["removed"]), _text(change["added"])
        return spoken, f"loses {gone}", f"gains {come}"
    before, after = change
    return spoken, _text(before), _text(after)


def _text(value: Any) -> str:
    match value:
        case None:
            return NOT_SET
        case []:
            return NONE
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
    return str(value)
