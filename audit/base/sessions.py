"""What a thread asks of its database session, or about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def only_one(job: str) -> Iterator[bool]:
    """Yield whether this job is ours alone; if so, it is until the end.

    A process that dies keeps nothing: the lock is the session's.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [job])
        [is_mine] = cursor.fetchone()
        try:
            yield is_mine
        finally:
            if is_mine:
                cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [job])


@contextmanager
def no_statement_timeout() -> Iterator[None]:
    """Let statements take as long as they must; for jobs, never for requests."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        [usual] = cursor.fetchone()
        cursor.execute("SET statement_timeout = 0")
        try:
            yield
        finally:
            cursor.execute("SELECT set_config('statement_timeout', %s, false)", [usual])


def is_disconnected() -> bool:
    """Return whether this thread has no connection; its next statement makes a new one.

    After an error: then the database is away, and more would only wait for it again.
    """
    raw = connection.connection
    return raw is None or raw.closed
