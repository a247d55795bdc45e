"""`manage.py export_audit`: the log, or a view of it, as lines for others."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive

from audit.context import System
from audit.core.actions import ACTIONS
from audit.core.exports import FORMATS
from audit.models import AuditEvent
from audit.services import PROOF, export_events, export_proof, record_export

ACTOR = System("export_audit")
FILTERS = {
    "action": "action",
    "outcome": "outcome",
    "actor": "actor_id",
    "target": "target_id",
    "owner": "owner_id",
    "address": "address",
    "since": "occurred_at__gte",
    "until": "occurred_at__lt",
}


def _instant(text: str) -> datetime:
    instant = parse_datetime(text)
    if instant is None or is_naive(instant):
        raise ValueError(text)
    return instant


class Command(BaseCommand):
    help = (
        "Write events to standard output, oldest first, one per line. The format "
        "`proof` is the whole sealed log with its checkpoints, which "
        "`python -m audit.verifier` checks without this platform."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        formats = [*FORMATS, PROOF]
        parser.add_argument("--format", choices=formats, default="jsonl")
        parser.add_argument("--action", choices=sorted(ACTIONS), metavar="ACTION")
        parser.add_argument("--outcome", choices=AuditEvent.Outcome.values)
        for name in ("actor", "target", "owner"):
            parser.add_argument(f"--{name}", metavar="ID")
        parser.add_argument("--address")
        for name in ("since", "until"):
            parser.add_argument(
                f"--{name}", type=_instant, metavar="TIME", help="RFC 3339 with zone"
            )

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = {name: options[name] for name in FILTERS if options[name] is not None}
        form = options["format"]
        if form == PROOF and chosen:
            raise CommandError("A proof is of the whole log: no filters.", returncode=2)
        told = {name: str(value) for name, value in chosen.items()}
        record_export(form, filters=told, actor=ACTOR)
        if form == PROOF:
            lines = export_proof()
        else:
            wanted = {FILTERS[name]: value for name, value in chosen.items()}
            lines = export_events(AuditEvent.objects.filter(**wanted), form)
        try:
            for line in lines:
                self.stdout.write(line)
        except BrokenPipeError:  # `| head` has enough.
            sys.stderr.close()
