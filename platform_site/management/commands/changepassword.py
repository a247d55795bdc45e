"""`manage.py changepassword NAME`: Django's command, but audited."""

from __future__ import annotations

from getpass import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.core.management.base import CommandError

from accounts.core.passwords import FIRST_PASSWORD_LASTS
from accounts.errors import WeakPassword
from accounts.models import User
from accounts.services.people import set_password
from audit.base.context import System

ACTING = System("changepassword")


class Command(changepassword.Command):
    help = "Give a person a new password. All their sign-ins end."

    def handle(self, *args: Any, **options: Any) -> str:
        try:
            user = User.objects.get_by_natural_key(options["username"])
        except User.DoesNotExist:
            name = options["username"]
            raise CommandError(f"There is no user {name!r}.") from None
        password = getpass()
        if password != getpass("Password (again): "):
            raise CommandError("The two passwords differ. Nothing was changed.")
        try:
            set_password(
                user=user,
                password=password,
                acting=ACTING,
                lasts=FIRST_PASSWORD_LASTS,
            )
        except WeakPassword as error:
            raise CommandError(f"{error.detail} Nothing was changed.") from error
        return (
            f"{user} has a new password. It works once, within a day; then they choose"
            " their own."
        )
