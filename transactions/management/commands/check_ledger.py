"""`manage.py check_ledger`: does all money add up?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from audit.base.sessions import no_statement_timeout
from transactions.money.queries import RULES, money_faults


class Command(BaseCommand):
    help = (
        "Compare ledger, reservations, budgets, statuses, approvals and audit events "
        "with each other, in the whole database and in one snapshot. Traffic may "
        "continue. Exit code 0: all figures add up; 1: some do not; they are printed."
    )

    @no_statement_timeout()
    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        with transaction.atomic(durable=True):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
                )
            for fault in money_faults():
                count += 1
                self.stdout.write(str(fault))
        if count:
            raise CommandError(f"{count} figures do not add up.", returncode=1)
        self.stdout.write(f"All money adds up, by {len(RULES)} rules.")
