"""`manage.py security_checklist`: check the specification's Security Checklist."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from platform_site.checklist.checks import run_checklist
from platform_site.checklist.core import Result

MARKS = {
    "pass": "PASS  ",
    "fail": "FAIL  ",
    "not_done": "NOT DONE",
    "manual": "MANUAL",
}


class Command(BaseCommand):
    help = (
        "Check this installation against the Security Checklist. Items that only a "
        "person can verify are listed as manual, with what to look at; items not done "
        "are missing from the platform. Exits with 1 if a check fails."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=("table", "json"), default="table")

    def handle(self, *args: Any, **options: Any) -> None:
        results = run_checklist()
        if options["format"] == "json":
            self.stdout.write(_as_json(results))
        else:
            self.stdout.write(_as_table(results))
        if any(result.finding.status == "fail" for result in results):
            sys.exit(1)


def _as_json(results: Sequence[Result]) -> str:
    rows = [
        {
            "section": result.item.section,
            "key": result.item.key,
            "item": result.item.text,
            "status": result.finding.status,
            "evidence": result.finding.evidence,
            "guidance": result.item.guidance,
        }
        for result in results
    ]
    return json.dumps(rows, indent=2)


def _as_table(results: Sequence[Result]) -> str:
    lines: list[str] = []
    section = ""
    for result in results:
        item, finding = result.item, result.finding
        if item.section != section:
            section = item.section
            lines += ["", section]
        lines += [
            f"  {MARKS[finding.status]}  {item.text}",
            f"          {finding.evidence}",
        ]
        if finding.status != "pass":
            lines.append(f"          {item.guidance}")
    counts = [
        f"{sum(r.finding.status == status for r in results)} {status.replace('_', ' ')}"
        for status in MARKS
    ]
    return "\n".join([*lines[1:], "", ", ".join(counts)])
