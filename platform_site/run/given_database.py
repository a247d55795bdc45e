"""Checks of a database that the environment names for `manage.py up`."""

from __future__ import annotations

import urllib.parse

import psycopg

from platform_site.run.engines import EnginesError

TABLES = """
SELECT count(*), coalesce(bool_or(tablename = 'audit_auditevent'), false) FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""


def name_of(url: str) -> str:
    """Return a database's name and address, without the password."""
    parts = urllib.parse.urlsplit(url)
    at = parts.netloc.rpartition("@")[2] or "this machine"
    return f"{parts.path.lstrip('/')} at {at}"


def refuse_foreign(url: str) -> None:
    """Raise EnginesError if the database has tables, but none of ours."""
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            found = connection.execute(TABLES).fetchone()
    except psycopg.Error as error:
        raise EnginesError(f"{name_of(url)} does not answer: {error}") from error
    assert found  # noqa: S101 - an aggregate has a row.
    count, has_ours = found
    if count and not has_ours:
        raise EnginesError(
            f"{name_of(url)} has {count} tables of another program. Unset DATABASE_URL "
            "to use an embedded database, name an empty one, or add --adopt-database."
        )
