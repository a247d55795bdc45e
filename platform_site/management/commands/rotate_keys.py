"""`manage.py rotate_keys`: encrypt every stored secret with ENCRYPTION_KEY."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from audit.base.context import System
from security.encryption.services import count_sealed, rotate_keys, survey_keys

ACTING = System("rotate_keys")
PASSES_MIN = 2  # One re-encrypts, the next finds nothing left.


class Command(BaseCommand):
    help = (
        "Encrypt every stored secret with ENCRYPTION_KEY; the keys in "
        "ENCRYPTION_PREVIOUS_KEYS must still be there. The platform may keep "
        "running, and the command may be stopped and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="only show what would be done"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            self._survey()
        else:
            self._rotate()

    def _survey(self) -> None:
        with _bar(passes=1) as bar:
            found = survey_keys(bar.update)
        for store, counts in found.items():
            self.stdout.write(
                f"{store}: {counts['previous']} to rotate, {counts['current']} current,"
                f" {counts['unreadable']} unreadable"
            )
        if any(counts["unreadable"] for counts in found.values()):
            raise CommandError("Some values do not decrypt with any of the keys.")

    def _rotate(self) -> None:
        with _bar(passes=PASSES_MIN) as bar:
            rotation = rotate_keys(bar.update, acting=ACTING)
        for store, count in sorted(rotation.rotated.items()):
            self.stdout.write(f"{store}: {count} rotated")
        if rotation.unreadable:
            raise CommandError(
                "These do not decrypt with any of the keys, and stay as they are:\n  "
                + "\n  ".join(rotation.unreadable)
                + "\nKeep the previous keys."
            )
        if rotation.left:
            raise CommandError(
                "Something still writes with a previous key: restart every process "
                "with the new one, then run this again."
            )
        self.stdout.write(
            "Every value uses ENCRYPTION_KEY; you can remove ENCRYPTION_PREVIOUS_KEYS."
        )


def _bar(*, passes: int) -> tqdm[Any]:
    return tqdm(total=passes * count_sealed(), unit="value", disable=None)
