"""`manage.py unlock KIND TARGET`: release a lock when nobody can sign in to."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from agents.models import Agent
from audit.base.context import System
from audit.base.core.visible import visible
from audit.base.errors import DomainError, NotFound
from security.locks.models import ResourceLock
from security.locks.queries import live_locks
from security.locks.services import describe, unlock_resource

ACTING = System("unlock")


class Command(BaseCommand):
    help = (
        "Release a lock, audited as done by the platform. Without arguments, list "
        "what is locked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", nargs="?", choices=ResourceLock.Kind.values)
        parser.add_argument(
            "target",
            nargs="?",
            default="",
            help="its id, or a person's or agent's name",
        )
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        kind, target = options["kind"], options["target"]
        if kind is None:
            self._list()
            return
        if kind == ResourceLock.Kind.USER:
            target = _user_id(target)
        elif kind == ResourceLock.Kind.AGENT:
            target = _agent_id(target)
        try:
            lock = unlock_resource(
                kind, target, acting=ACTING, reason=options["reason"]
            )
        except DomainError as error:
            raise CommandError(f"{error.detail} Nothing was changed.") from error
        self.stdout.write(f"Released: {lock}.")

    def _list(self) -> None:
        for lock in live_locks():
            since = f"{lock.locked_at:%Y-%m-%d %H:%M}"
            named = f"{lock.kind} {lock.target_id}{_label(lock)}"
            self.stdout.write(f"{named}  since {since} UTC: {visible(lock.reason)}")


def _label(lock: ResourceLock) -> str:
    """Return the target's name in parentheses, or "" if it has only an id."""
    try:
        label = describe(lock.kind, lock.target_id).label
    except NotFound:
        return ""
    return "" if label == lock.target_id else f" ({visible(label)})"


def _user_id(name_or_id: str) -> str:
    try:
        return str(User.objects.get_by_natural_key(name_or_id).pk)
    except User.DoesNotExist:
        return name_or_id


def _agent_id(name_or_id: str) -> str:
    """Return the id of the agent with this name; of several, the locked one's."""
    ids = list(Agent.objects.filter(name=name_or_id).values_list("pk", flat=True))
    if len(ids) > 1:
        locks = live_locks(ResourceLock.Kind.AGENT).filter(target_id__in=ids)
        ids = list(locks.values_list("target_id", flat=True)) or ids
    if len(ids) > 1:
        raise CommandError(
            f"Several agents have that name: {', '.join(sorted(ids))}. Name one by its "
            "id. Nothing was changed."
        )
    return ids[0] if ids else name_or_id
