"""Inserts a row once, without an error in the database's log."""

from __future__ import annotations

from django.db.models import Model


def insert_once(row: Model) -> bool:
    """Insert a row; False if a unique constraint has another one in its place.

    The database logs a failed INSERT as an error. A conflict that we expect is not an
    error, so this INSERT does not fail on it. 2 statements. The row must make its own
    primary key (PrefixedIdField).
    """
    rows = type(row)._default_manager
    rows.bulk_create([row], ignore_conflicts=True)
    return rows.filter(pk=row.pk).exists()
