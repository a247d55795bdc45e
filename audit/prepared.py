"""Cursors for the few statements that every decision makes.

Django's own cursors put the values into the text, so that PostgreSQL parses and plans
each one anew; for a decision that is most of the database's work. These send the values
beside the text, and a connection that has sent a text five times has it prepared.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper

_PLACEHOLDER = re.compile(r"%(?:%|s|\((\w+)\)s)")


class PreparedCursor(psycopg.RawCursor[Any]):
    """Takes Django's placeholders and numbers them as PostgreSQL does.

    psycopg's other cursors find them anew in each long text, which costs more than the
    statement.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> PreparedCursor:
        text, names = _numbered(query)
        values: Sequence[Any] = params or ()
        if isinstance(params, Mapping):
            values = [params[name] for name in names]
        super().execute(text, values, **options)
        return self


def prepared_cursor() -> CursorWrapper:
    """Return a cursor of Django's connection, for texts that stay the same.

    Within its transaction, counted, logged and its errors translated like any other. Let
    the result's columns have types of their own (text, jsonb) rather than the tables',
    or a migration that changes one fails what is prepared.
    """
    connection.ensure_connection()
    cursor = PreparedCursor(connection.connection)
    if connection.queries_logged:
        return connection.make_debug_cursor(cursor)
    return connection.make_cursor(cursor)


@lru_cache(maxsize=256)
def _numbered(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text with $1, $2, … for its placeholders, and the names it had."""
    names: dict[str, int] = {}
    numbers = itertools.count(1)

    def number(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        if found[1] is None:
            return f"${next(numbers)}"
        return f"${names.setdefault(found[1], len(names) + 1)}"

    return _PLACEHOLDER.sub(number, text), tuple(names)
