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


def wait_until_blocked(sessions: int = 1) -> None:
    """Return when so many other sessions wait for a lock, of ours for one."""
    deadline = time.monotonic() + BLOCKED_WITHIN_S
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(BLOCKED)
            if cursor.fetchone()[0] >= sessions:
                return
        time.sleep(0.01)
    raise AssertionError("Nobody waited.")
