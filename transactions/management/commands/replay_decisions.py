"""`manage.py replay_decisions`: can every stored decision be reproduced?"""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from audit.base.arguments import positive
from transactions.decisions.core.record import LOOKS_BY_ENGINE
from transactions.evidence.core.replay import Replay
from transactions.evidence.queries.replays import replays, replays_ahead
from transactions.evidence.services import record_difference


class Command(BaseCommand):
    help = (
        "Derive stored decisions again from their records alone and compare outcome, "
        "findings, risk and digests bit for bit. Decisions of unknown engine versions "
        "are not derived; only their digests are checked. Exit code 0: none differs; "
        "1: some differ; they are printed and raise an alert."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--limit", type=positive, metavar="N", help="only the newest N"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        limit = options["limit"]
        total = replays_ahead(limit)
        counted: Counter[bool | None] = Counter()
        for each in tqdm(replays(limit), total=total, unit="decision", disable=None):
            counted[each.matches] += 1
            if each.matches is False:
                record_difference(each)
                self.stdout.write(_difference_line(each))
        self.stdout.write(
            f"{counted[True]} of {counted.total()} decisions were reproduced bit for "
            "bit."
        )
        if others := counted[None]:
            known = " or ".join(map(str, LOOKS_BY_ENGINE))
            self.stdout.write(
                f"{others} were made by an engine other than version {known} and were "
                "not derived again."
            )
        if differing := counted[False]:
            raise CommandError(f"{differing} were not reproduced.", returncode=1)


def _difference_line(replay: Replay) -> str:
    record = replay.record
    about = record.transaction or record.function_call
    return f"{record.id} ({about}): {', '.join(replay.differences)}"
