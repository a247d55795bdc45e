"""`manage.py up`: the whole platform on this machine, with one command."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.base.core.readers import parse_whole
from platform_site import env
from platform_site.run.options import Options
from platform_site.run.supervisor import BASE_DIR, UpError, up


def _port(text: str) -> int:
    port = parse_whole(text)
    if port is not None and 1 <= port <= 65535:
        return port
    raise argparse.ArgumentTypeError(f"{text!r} is not a port: choose from 1 to 65535.")


class Command(BaseCommand):
    help = (
        "Run everything: PostgreSQL and Valkey (unless DATABASE_URL and REDIS_URL "
        "name running ones), migrations, the web server, the worker and the "
        "scheduler. Ctrl-C ends all of it; the data stays."
    )
    # There is no database yet; the children run the checks.
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=_port, default=8000, help="TCP port on 127.0.0.1 [8000]"
        )
        parser.add_argument(
            "--no-demo",
            action="store_false",
            dest="demo",
            default=None,
            help="make only one administrator, no demonstration data",
        )
        parser.add_argument(
            "--demo",
            action="store_true",
            default=None,
            help="make demonstration data also in the database that DATABASE_URL names",
        )
        parser.add_argument(
            "--adopt-database",
            action="store_true",
            help="use a DATABASE_URL whose database has tables of another program",
        )
        parser.add_argument(
            "--data",
            type=Path,
            default=Path(os.environ.get("DATA_DIR", BASE_DIR / "var")),
            metavar="DIR",
            help="directory for data, keys, logs and credentials.json [var/]",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = Options(
            data=options["data"].absolute(),
            port=options["port"],
            demo=options["demo"],
            adopt_database=options["adopt_database"],
            database_url=env.text("DATABASE_URL", ""),
            owner_url=env.text("DATABASE_OWNER_URL", ""),
            redis_url=env.text("REDIS_URL", ""),
        )
        try:
            up(chosen, self._say)
        except UpError as error:
            raise CommandError(str(error), returncode=2) from error

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
