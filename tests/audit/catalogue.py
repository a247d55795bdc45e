"""Prints docs/audit-events.md (see `make schema`): python -m tests.audit.catalogue."""

from __future__ import annotations

from audit.core.actions import ACTIONS

INTRODUCTION = """\
# Audit events

Printed by `make schema` from `audit/core/actions.py`, which is closed: nothing else can
be recorded. Every event also carries who (`actor`), about what (`target`), whose data
it is (`owner`), when, from which address and program, in which request, and whether it
went well (`outcome`: `success`, `failure` or `refused`). `details` holds at least the
keys named here.

| action | tells that | `details` |
|---|---|---|
"""


def document() -> str:
    """Return the page."""
    rows = []
    for name, action in ACTIONS.items():
        keys = ", ".join(f"`{key}`" for key in action.keys) or "–"
        rows.append(f"| `{name}` | {action.meaning} | {keys} |")
    return INTRODUCTION + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(document(), end="")  # noqa: T201 - the command of `make schema`.
