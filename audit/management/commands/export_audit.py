"""`manage.py export_audit`: the log, or a view of it, as lines for others."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from audit.base.context import System
from audit.base.filters import BEYOND_TIME, times_out_of_range
from audit.core.exports import FORMATS
from audit.filters import AuditEventFilter
from audit.models import AuditEvent
from audit.services.exports import PROOF, export_events, export_proof, record_export

ACTOR = System("export_audit")


class Command(BaseCommand):
    help = (
        "Write events to standard output, oldest first, one per line. The format "
        "`proof` is the whole sealed log with its checkpoints, which "
        "`python -m audit.verifier` checks without this platform."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        formats = [*FORMATS, PROOF]
        parser.add_argument("--format", choices=formats, default="jsonl")
        for name, kind in AuditEventFilter.base_filters.items():
            flag = f"--{name.replace('_', '-')}"
            parser.add_argument(flag, help=kind.extra.get("help_text"))

    def handle(self, *args: Any, **options: Any) -> None:
        names = AuditEventFilter.base_filters
        given = {name: options[name] for name in names if options[name] is not None}
        if empty := [name for name, value in given.items() if not value]:
            raise CommandError(f"{empty[0]}: give a value.", returncode=2)
        form = options["format"]
        if form == PROOF and given:
            raise CommandError("A proof is of the whole log: no filters.", returncode=2)
        events = _filtered(given)
        record_export(form, filters=given, actor=ACTOR)
        lines = export_proof() if form == PROOF else export_events(events, form)
        try:
            for line in lines:
                self.stdout.write(line)
        except BrokenPipeError:  # `| head` has enough.
            sys.stderr.close()


def _filtered(given: dict[str, str]) -> QuerySet[AuditEvent]:
    """Return the events that filters leave. Raises CommandError for nonsense."""
    filterset = AuditEventFilter(given, queryset=AuditEvent.objects.all())
    if not filterset.is_valid():
        [(name, [detail, *_]), *_] = filterset.errors.items()
        raise CommandError(f"{name}: {detail}", returncode=2)
    if beyond := times_out_of_range(filterset.form.cleaned_data):
        raise CommandError(f"{beyond[0]}: {BEYOND_TIME}", returncode=2)
    found: QuerySet[AuditEvent] = filterset.qs
    return found
