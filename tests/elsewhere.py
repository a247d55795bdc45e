"""What another process does to the test's database meanwhile."""

from __future__ import annotations

import time
from typing import Any

import psycopg
from django.db import connection

# Of this database only: each worker of a parallel run has its own.
BLOCKED = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
# Of any role, where pg_stat_activity shows only sessions of one's own.
TABLE_BLOCKED = """
SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
BLOCKED_WITHIN_S = 60


def elsewhere(sql: str, *parameters: Any) -> None:
    """Execute and commit on a connection that Django knows nothing of."""
    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"] or None,
        user=settings["USER"],
        password=settings["PASSWORD"],
        dbname=settings["NAME"],
        autocommit=True,
    ) as other:
        other.execute(sql, parameters or None)


def wait_until_blocked(sessions: int = 1, *, table: str = "") -> None:
    """Return when so many other sessions wait for a lock, of ours for one.

    Sessions of other roles only if it is the lock of a table, which is named.
    """
    query, parameters = (TABLE_BLOCKED, [table]) if table else (BLOCKED, None)
    deadline = time.monotonic() + BLOCKED_WITHIN_S
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(query, parameters)
            if cursor.fetchone()[0] >= sessions:
                return
        time.sleep(0.01)
    raise AssertionError("Nobody waited.")
