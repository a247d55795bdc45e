"""`manage.py verify_audit`: is the log what was sealed and signed?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from audit.base.arguments import positive
from audit.base.context import System
from audit.core.checkpoint import NoteRefused, TreeHead
from audit.keys import open_checkpoint
from audit.queries.tree import tree_size
from audit.services.verification import Verification, record_verification, verify_log

ACTOR = System("verify_audit")
# Beside the checkpoints, out of reach of the database: the last note that was good.
STATE = "verified.txt"


class Command(BaseCommand):
    help = (
        "Check every event against the sealed log and the log against its signed "
        "checkpoints, here and outside. Exit code 0: all holds; 1: something does not, "
        "and the first bad place is named; 2: it could not be checked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--incremental",
            action="store_true",
            help="only what came after the newest checkpoint that was good before",
        )
        parser.add_argument(
            "--jobs",
            type=positive,
            default=os.cpu_count() or 1,
            help="processes for large logs [one per core]",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        since = _last_good() if options["incremental"] else None
        total = tree_size() - (since.size if since else 0)
        with tqdm(total=max(total, 0), unit="event", disable=None) as bar:
            result = verify_log(since=since, jobs=options["jobs"], progress=bar.update)
        record_verification(result, actor=ACTOR)
        self._tell(result)
        if not result.is_good:
            raise CommandError(f"The log does not verify: {result.first}", returncode=1)
        if result.newest_note:
            _state().write_text(result.newest_note, encoding="utf-8")

    def _tell(self, result: Verification) -> None:
        events = result.size - result.since
        self.stdout.write(
            f"{events} events from index {result.since} on and {result.checkpoints} "
            f"checkpoints in {result.seconds:.1f} s "
            f"({events / max(result.seconds, 1e-9):,.0f} events/s)."
        )
        if result.clock_jumps:
            self.stdout.write(
                f"The clock went back at index {result.clock_jumps[0]}, "
                f"{len(result.clock_jumps)} times in all. That is no damage."
            )
        for finding in result.findings:
            self.stdout.write(str(finding))
        if result.is_good:
            self.stdout.write("The log verifies.")


def _state() -> Path:
    return Path(settings.AUDIT_CHECKPOINT_DIR) / STATE


def _last_good() -> TreeHead | None:
    """Return the checkpoint that was good the last time, None if there was none.

    It is a signed note, so that nobody can write a better one than the truth.
    """
    try:
        return open_checkpoint(_state().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, NoteRefused) as error:
        raise CommandError(f"{_state()}: {error}", returncode=2) from error
