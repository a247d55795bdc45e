"""`manage.py replay`: send a CSV stream of transactions through the HTTP API."""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import urllib.parse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.base.arguments import positive
from platform_site.replay.client import POLICIES
from platform_site.replay.rows import StreamError
from platform_site.replay.runner import Plan, Report, replay
from platform_site.replay.tally import RATE_LIMITED
from platform_site.run.credentials import CredentialsError, load_credentials

BASE_DIR = Path(__file__).resolve().parents[3]
DEMONSTRATION = BASE_DIR / "platform_site" / "replay" / "demonstration.csv"
PAGES = {
    "Transactions": "/transactions/?mode=test",
    "Held": "/approvals/?mode=test",
    "Agents": "/agents/?mode=test",
}
INTERRUPTED = 130  # A shell's exit code after Ctrl-C.
WORKERS_MAX = 64
SPEED = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def _workers(text: str) -> int:
    number = positive(text)
    if number > WORKERS_MAX:
        raise argparse.ArgumentTypeError(f"at most {WORKERS_MAX} workers.")
    return number


def _speed(text: str) -> float:
    if SPEED.fullmatch(text):
        return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from zero up.")


def _base_url(text: str) -> str:
    parts = urllib.parse.urlsplit(text)
    if parts.scheme in ("http", "https") and parts.hostname:
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is not an http(s) address.")


class Command(BaseCommand):
    help = (
        "Send a CSV stream of transactions (plain or .gz; columns transaction_id, "
        "timestamp, customer_id, merchant_id, amount, category) through the HTTP "
        "API of a running platform, at its own times, as a test agent per customer. "
        "A second replay changes nothing. Labels are never sent."
    )
    # A client: it needs neither a database nor engines.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        data = Path(os.environ.get("DATA_DIR", BASE_DIR / "var"))
        add = parser.add_argument
        add(
            "file",
            type=Path,
            nargs="?",
            default=DEMONSTRATION,
            metavar="FILE",
            help="[a made-up stream of three customers, half a minute long]",
        )
        add("--base-url", type=_base_url, help="[as in credentials.json]")
        add("--limit", type=positive, help="send only this many rows")
        add(
            "--speed",
            type=_speed,
            default=0.0,
            help="this many times as fast as recorded; 0: as fast as possible [0]",
        )
        add(
            "--credentials",
            type=Path,
            default=data / "credentials.json",
            metavar="PATH",
            help="the file that `manage.py up` wrote [var/credentials.json]",
        )
        add(
            "--policy",
            choices=list(POLICIES),
            default="demo",
            help="what a customer's agent may do; open: nearly everything [demo]",
        )
        add("--workers", type=_workers, default=4, help="customers at once [4]")

    def handle(self, *args: Any, **options: Any) -> None:
        logging.getLogger("httpx").setLevel(logging.WARNING)  # A line per request.
        try:
            credentials = load_credentials(options["credentials"])
            admin = credentials.users.get("admin")
            if admin is None:
                raise CredentialsError(f"{options['credentials']} names no admin.")
            plan = Plan(
                file=options["file"],
                base_url=options["base_url"] or credentials.base_url,
                login=admin,
                workers=options["workers"],
                policy=options["policy"],
                owner_from=next((agent.id for agent in credentials.agents), None),
                limit=options["limit"],
                speed=options["speed"],
            )
            report = replay(plan, warn=self.stderr.write)
        except (CredentialsError, StreamError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(report.tally.table(report.seconds))
        self._show_pages(plan, report)
        self._end(report)

    def _show_pages(self, plan: Plan, report: Report) -> None:
        """Print the pages that show the result, and whether limits slowed it down."""
        if report.tally.retries[RATE_LIMITED]:
            self.stdout.write(
                "Waited for rate limits, which are meant for people and agents; "
                "RATE_LIMIT_CONFIG raises them (README, The first decisions)."
            )
        for name, path in PAGES.items():
            self.stdout.write(f"{name:<13}{plan.base_url.rstrip('/')}{path}")

    def _end(self, report: Report) -> None:
        if report.is_interrupted:
            self.stderr.write("Interrupted; a second replay continues from here.")
            sys.exit(INTERRUPTED)
        if report.failure is not None:
            raise CommandError(report.failure)
        if report.tally.malformed and not report.tally.sent:
            raise CommandError("No row could be sent: see the first lines above.")
        if report.tally.failed:
            raise CommandError(f"{report.tally.failed} rows were refused or failed.")
