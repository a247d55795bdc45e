"""`manage.py retire_audit --before 2025-01`: let the oldest months of the log go."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError
from django.utils import timezone

from audit.base.context import System
from audit.base.core.readers import parse_instant
from audit.core.retention import AGE_MIN
from audit.errors import RetirementRefused
from audit.services.retention import retire_months

ACTOR = System("retire_audit")


def _month(text: str) -> datetime:
    month = parse_instant(f"{text}-01T00:00:00Z")
    if month is None:
        raise ValueError(text)
    return month


class Command(BaseCommand):
    help = (
        "Remove the events of all months before one, for good; export them first. "
        "Their hashes stay, so that the rest still verifies, and the removal is an "
        f"event. Only months that ended {AGE_MIN.days} days ago, are sealed and under "
        "a checkpoint. "
        "Runs as the owner (DATABASE_OWNER_URL)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--before", type=_month, required=True, metavar="YYYY-MM", help="it stays"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            retired = retire_months(
                before=options["before"], now=timezone.now(), actor=ACTOR
            )
        except (RetirementRefused, ProgrammingError) as error:
            raise CommandError(str(error).strip(), returncode=2) from error
        for month in retired:
            self.stdout.write(f"{month.start:%Y-%m}: {month.events} events removed.")
        if not retired:
            self.stdout.write("There is no month before that.")
