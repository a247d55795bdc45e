"""How a change that a second person agreed to is carried out: kind -> changer.

Apps to the left register in AppConfig.ready(), as they do in responders.py: a change
request can then set an agent's policy although `security` knows nothing of agents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.db.models import Q

from audit.base.context import Principal

if TYPE_CHECKING:  # Registered by apps whose models load first.
    from security.changes.models import ChangeRequest

NONE = Q(pk__in=())


class Changer(Protocol):
    """Handles one kind of change: the people who may decide it, and its effect."""

    def decidable_by(self, person: Principal) -> Q:
        """Return which requests of this kind a person has the rights to decide.

        Nobody decides their own: by this account it is not asked here, by another
        account of the same human it is.
        """

    def lock(self, target_id: str) -> None:
        """Lock the target's row until the transaction ends. Raises NotFound.

        Requesting a change locks it, too, before any row of a change request.
        """

    def apply(self, change: ChangeRequest, *, acting: Principal) -> None:
        """Put the change in force and record it, in the caller's transaction.

        Raises ChangeSuperseded, having written nothing, if `change.base` is no longer
        in force or the requester may no longer ask for it.
        """


_changers: dict[str, Changer] = {}


def register(kind: str, changer: Changer) -> None:
    """Name the changer of a kind; the last one wins."""
    _changers[kind] = changer


def changer_for(kind: str) -> Changer:
    """Return the kind's changer; KeyError if nobody registered one."""
    return _changers[kind]


def decidable_by(person: Principal) -> Q:
    """Return which requests, of any kind, a person has the rights to decide."""
    found = NONE
    for kind, changer in _changers.items():
        found |= Q(kind=kind) & changer.decidable_by(person)
    return found
