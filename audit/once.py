"""What happens once, by a unique constraint, without an error in the database's log."""

from __future__ import annotations

from django.db.models import Model


def insert_once(row: Model) -> bool:
    """Insert a row; False if a unique constraint has another one in its place.

    A conflict that is expected is no error: the database would log it as one, with the
    row's values. 2 statements; the row's primary key must be its own (PrefixedIdField).
    """
    rows = type(row)._default_manager
    rows.bulk_create([row], ignore_conflicts=True)
    return rows.filter(pk=row.pk).exists()
