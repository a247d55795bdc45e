"""`manage.py grant_runtime ROLE`: grant the runtime role its rights, as the owner."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor

from platform_site.roles import grant_runtime


class Command(BaseCommand):
    help = (
        "Give a database role what the web server, the worker, the scheduler and the "
        "sequencer need, and no more: history can be read and added to, never changed. "
        "Run it as the owner (DATABASE_OWNER_URL) with or after every migrate."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", help="an existing role that is not the owner")
        parser.add_argument(
            "--migrate", action="store_true", help="migrate before, in the same process"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["migrate"]:
            executor = MigrationExecutor(connection)
            targets = executor.loader.graph.leaf_nodes()
            steps = len(executor.migration_plan(targets))
            self.stdout.write(f"{steps} steps to migrate.")
            call_command("migrate", interactive=False, stdout=self.stdout)
        try:
            histories = grant_runtime(options["role"])
        except ProgrammingError as error:
            raise CommandError(str(error).strip(), returncode=2) from error
        if histories is None:
            self.stdout.write(
                f"{options['role']} owns the tables; only triggers protect history, "
                "and an owner can drop them."
            )
        else:
            self.stdout.write(f"Granted. History: {', '.join(histories)}.")
