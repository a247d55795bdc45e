"""Read locks."""

from __future__ import annotations

from django.db.models import QuerySet

from security.locks.models import ResourceLock

# The live locks that stop a caller, also for the statements of decisions. Give
# the parameters agent, owner, merchant and function, None for those that do not apply.
STOPPING_LOCKS = """
FROM security_resourcelock l
WHERE l.released_at IS NULL AND (l.kind, l.target_id) IN
    (('agent', %(agent)s), ('user', %(owner)s), ('merchant', %(merchant)s),
     ('function', %(function)s), ('everything', ''))
"""


def live_locks(
    kind: str | None = None, target_id: str | None = None
) -> QuerySet[ResourceLock]:
    """Return the locks in force, of one kind or target if given."""
    locks = ResourceLock.objects.filter(released_at=None)
    if kind is not None:
        locks = locks.filter(kind=kind)
    if target_id is not None:
        locks = locks.filter(target_id=target_id)
    return locks


def locks_stopping(
    *, agent_id: str, owner_id: str, merchant: str | None = None
) -> list[ResourceLock]:
    """Return the locks in force that stop an agent, in 1 query.

    Whatever it asks; with the key of a merchant also those of what it asks there.
    """
    parameters = {
        "agent": agent_id,
        "owner": owner_id,
        "merchant": merchant,
        "function": None,
    }
    return list(ResourceLock.objects.raw(f"SELECT l.* {STOPPING_LOCKS}", parameters))
