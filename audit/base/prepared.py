"""The few statements of every request and decision: parsed and planned once.

Django's cursors put the values into the text, so that PostgreSQL parses and plans all
of it each time; for a decision that is most of the database's work. Here the values are
sent separately from the text, and a connection that has sent a text five times keeps it
prepared.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

_PLACEHOLDER = re.compile(r"%(?:%|s|\((\w+)\)s)")

Values = Sequence[Any] | Mapping[str, Any]


def first_row(text: str, values: Values) -> tuple[Any, ...] | None:
    """Execute a statement whose text stays the same; return its first row, if any.

    In Django's connection and transaction, errors translated as by Django's cursors.
    Let the columns of the result have types of their own (text, jsonb) rather than the
    tables': a migration that changed one would make the prepared statement fail until
    it is sent again.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    if database.queries_logged or database.execute_wrappers:
        # Somebody looks on, and wants to see the values as well.
        with database.cursor() as cursor:
            cursor.execute(text, values)
            return cursor.fetchone()  # type: ignore[no-any-return] # Any.
    database.ensure_connection()
    numbered, names = _numbered(text)
    given = [values[name] for name in names] if isinstance(values, Mapping) else values
    with database.wrap_database_errors:
        cursor = _cursor(database.connection, numbered)
        cursor.execute(numbered, given)
        return cursor.fetchone()


def _cursor(connection: psycopg.Connection[Any], text: str) -> psycopg.RawCursor[Any]:
    """Return the connection's cursor for a text, which has learnt its types already.

    A raw one: others look for placeholders in each long text again, which takes longer
    than the statement.
    """
    kept: dict[str, psycopg.RawCursor[Any]] = vars(connection).setdefault("kept", {})
    return kept.get(text) or kept.setdefault(text, psycopg.RawCursor(connection))


@lru_cache(maxsize=256)
def _numbered(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text with $1, $2, … for its placeholders, and the names they had."""
    names: dict[str, int] = {}
    numbers = itertools.count(1)

    def number(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        if found[1] is None:
            return f"${next(numbers)}"
        return f"${names.setdefault(found[1], len(names) + 1)}"

    return _PLACEHOLDER.sub(number, text), tuple(names)
