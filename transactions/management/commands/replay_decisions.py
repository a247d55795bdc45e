"""`manage.py replay_decisions`: does every stored decision come out the same again?"""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from audit.base.arguments import positive
from transactions.decisions.core.record import ENGINE_VERSION
from transactions.evidence.core.replay import Replay
from transactions.evidence.queries.records import replays, replays_ahead
from transactions.evidence.services import tell_difference


class Command(BaseCommand):
    help = (
        "Derive stored decisions anew from their records alone and compare outcome, "
        "findings, risk and digests bit for bit. Those of another engine version are "
        "not derived; their digests are checked. Exit code 0: none differs; 1: some "
        "do, are named, and raise an alert."
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
                tell_difference(each)
                self.stdout.write(_told(each))
        self.stdout.write(
            f"{counted[True]} of {counted.total()} decisions were reproduced bit for "
            "bit."
        )
        if others := counted[None]:
            self.stdout.write(
                f"{others} were made by another engine than version {ENGINE_VERSION}, "
                "and not derived anew."
            )
        if differing := counted[False]:
            raise CommandError(f"{differing} are not what was decided.", returncode=1)


def _told(replay: Replay) -> str:
    record = replay.record
    about = record.transaction or record.function_call
    return f"{record.id} ({about}): {', '.join(replay.differences)}"
