"""An event as the log seals it: the same object that the API shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from audit.base.core.canonical import canonical
from audit.base.core.readers import rfc3339
from audit.core.merkle import leaf_hash

COLUMNS = (
    "id",
    "occurred_at",
    "action",
    "outcome",
    "actor_kind",
    "actor_id",
    "actor_label",
    "owner_id",
    "target_kind",
    "target_id",
    "target_label",
    "address",
    "user_agent",
    "request_id",
    "xact_id",
    "details",
)


def event_object(row: Sequence[Any]) -> dict[str, Any]:
    """Return the object of an event from its COLUMNS, with its time as it is given.

    Events from before `xact_id` was sealed have none, and their objects lack the name.
    """
    (
        identifier,
        occurred_at,
        action,
        outcome,
        actor_kind,
        actor_id,
        actor_label,
        owner_id,
        target_kind,
        target_id,
        target_label,
        address,
        user_agent,
        request_id,
        xact_id,
        details,
    ) = row
    event = {
        "id": identifier,
        "object": "audit_event",
        "occurred_at": occurred_at,
        "action": action,
        "outcome": outcome,
        "actor": {"kind": actor_kind, "id": actor_id, "label": actor_label},
        "target": {"kind": target_kind, "id": target_id, "label": target_label},
        "owner": owner_id,
        "address": address,
        "user_agent": user_agent,
        "request_id": request_id,
        "details": details,
    }
    return event if xact_id is None else event | {"xact_id": xact_id}


def event_hash(row: Sequence[Any]) -> bytes:
    """Return the leaf of an event from its COLUMNS: the hash of its canonical JSON."""
    event = event_object(row)
    event["occurred_at"] = rfc3339(event["occurred_at"])
    return leaf_hash(canonical(event))
