"""`manage.py unlock KIND TARGET`: for when nobody can sign in to release a lock."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from audit.context import System
from audit.errors import DomainError
from security.models import ResourceLock
from security.queries import live_locks
from security.services import unlock_resource

ACTING = System("unlock")


class Command(BaseCommand):
    help = (
        "Release a lock, audited as done by the platform. Without arguments, list "
        "what is locked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", nargs="?", choices=ResourceLock.Kind.values)
        parser.add_argument(
            "target", nargs="?", default="", help="its id; a person also by name"
        )
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        kind, target = options["kind"], options["target"]
        if kind is None:
            self._list()
            return
        if kind == ResourceLock.Kind.USER:
            target = _user_id(target)
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
            self.stdout.write(f"{lock}  since {since} UTC: {lock.reason}")


def _user_id(name_or_id: str) -> str:
    try:
        return str(User.objects.get_by_natural_key(name_or_id).pk)
    except User.DoesNotExist:
        return name_or_id
