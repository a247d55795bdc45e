"""Several writes in one SQL statement, so that a decision costs one round trip.

Each write is a data-modifying WITH clause; PostgreSQL runs all of them on one
snapshot and checks foreign keys at the end of the transaction. The SQL is compiled
by the ORM from the models, so that it cannot drift from the migrations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Model
from django.db.models.constants import OnConflict
from django.db.models.sql import InsertQuery


@dataclass(frozen=True, slots=True)
class Insert:
    """Rows of one model to insert; with `unique_fields`, to insert or update."""

    rows: Sequence[Model]
    unique_fields: tuple[str, ...] = ()


def write_together(*inserts: Insert) -> None:
    """Execute all inserts as one statement; empty ones are left out.

    Rows of different clauses do not see each other. Raises IntegrityError like
    any insert, and then nothing is written.
    """
    clauses: list[str] = []
    parameters: list[Any] = []
    for number, insert in enumerate(insert for insert in inserts if insert.rows):
        sql, values = _compile(insert)
        clauses.append(f"w{number} AS ({sql})")
        parameters.extend(values)
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(clauses)} SELECT 1", parameters)


def _compile(insert: Insert) -> tuple[str, Sequence[Any]]:
    meta = type(insert.rows[0])._meta
    fields = [field for field in meta.concrete_fields if field is not meta.auto_field]
    options: dict[str, Any] = {}
    if insert.unique_fields:
        unique = [meta.get_field(name) for name in insert.unique_fields]
        options = {
            "on_conflict": OnConflict.UPDATE,
            "unique_fields": unique,
            "update_fields": [
                field
                for field in fields
                if field not in unique and not field.primary_key
            ],
        }
    query = InsertQuery(type(insert.rows[0]), **options)
    query.insert_values(fields, list(insert.rows))
    [(sql, values)] = query.get_compiler(connection=connection).as_sql()
    return sql, values
