"""`manage.py demo_data`: the first people and agents; `manage.py up` calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.core.passwords import FIRST_PASSWORD_LASTS
from platform_site.demo import make_demo
from platform_site.run.credentials import CredentialsError


class Command(BaseCommand):
    help = (
        "Make the first administrator and, without --admin-only, demonstration "
        "people, agents and functions. Passwords and secrets go to a file that only "
        "its owner can read. A second run changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--credentials", type=Path, required=True, metavar="PATH")
        parser.add_argument("--base-url", default=settings.BASE_URL)
        parser.add_argument(
            "--admin-only", action="store_true", help="only the administrator"
        )

        parser.add_argument(
            "--first-passwords",
            action="store_true",
            help="passwords end at their first use or after a day",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            make_demo(
                options["credentials"].absolute(),
                base_url=options["base_url"],
                admin_only=options["admin_only"],
                password_lifetime=FIRST_PASSWORD_LASTS
                if options["first_passwords"]
                else None,
                say=self.stderr.write,
            )
        except CredentialsError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
