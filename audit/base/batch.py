"""Several writes in one SQL statement, so that a decision costs one round trip.

Each write is a data-modifying WITH clause; PostgreSQL runs all of them on one
snapshot and checks foreign keys at the end of the transaction. The SQL is compiled
by the ORM from the models, so that it cannot drift from the migrations, and once for
each shape of a write: the same models, numbers of rows and fields give the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.models import DateField, DateTimeField, Field, ForeignKey, Model
from django.db.models.constants import OnConflict
from django.db.models.sql import InsertQuery

from audit.base.prepared import first_row

# Of these Django would hand the values on to psycopg as they are.
_AS_THEY_ARE = frozenset(
    {"BooleanField", "CharField", "DateField", "DateTimeField", "TextField"}
)
_WHOLE_NUMBERS = DatabaseOperations.integerfield_type_map
# What the ORM saves of these is the row's attribute, and nothing made on the way.
_TAKE_THE_ATTRIBUTE = (Field.pre_save, DateField.pre_save, DateTimeField.pre_save)


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
    kept = [
        (type(insert.rows[0]), insert.unique_fields, insert.rows)
        for insert in inserts
        if insert.rows
    ]
    shape = tuple((model, unique, len(rows)) for model, unique, rows in kept)
    # Not the proxy `connection`, which looks for its thread's at every mention.
    database = connections[DEFAULT_DB_ALIAS]
    parameters = [
        value
        for model, _, rows in kept
        for row in rows
        for value in _Columns.of(model).values(row, database)
    ]
    first_row(_statement(shape), parameters)


@lru_cache(maxsize=64)
def _statement(shape: tuple[tuple[type[Model], tuple[str, ...], int], ...]) -> str:
    """Return the text that writes so many rows of these models, one clause for each."""
    clauses = [
        _insert(model, unique_fields)
        for model, unique_fields, count in shape
        for _ in range(count)
    ]
    named = ", ".join(f"w{number} AS ({sql})" for number, sql in enumerate(clauses))
    return f"WITH {named} SELECT 1"


@lru_cache(maxsize=64)
def _insert(model: type[Model], unique_fields: tuple[str, ...]) -> str:
    """Return the ORM's own text for the insert of one row."""
    fields = _Columns.of(model).fields
    options: dict[str, Any] = {}
    if unique_fields:
        unique = [model._meta.get_field(name) for name in unique_fields]
        options = {
            "on_conflict": OnConflict.UPDATE,
            "unique_fields": unique,
            "update_fields": [
                field
                for field in fields
                if field not in unique and not field.primary_key
            ],
        }
    query = InsertQuery(model, **options)
    query.insert_values(fields, [model()])
    compiled: list[tuple[str, Any]] = query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
    return compiled[0][0]


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of a model that are ours to fill, and what makes their values."""

    fields: tuple[Field[Any, Any], ...]
    attributes: Callable[[Model], tuple[Any, ...]]
    adapters: tuple[Callable[..., Any] | None, ...]

    @staticmethod
    @lru_cache
    def of(model: type[Model]) -> _Columns:
        meta = model._meta
        fields = tuple(
            field
            for field in meta.concrete_fields
            if field is not meta.auto_field and not field.generated
        )
        return _Columns(
            fields,
            attrgetter(*(field.attname for field in fields)),
            tuple(_adapter(field) for field in fields),
        )

    def values(self, row: Model, database: BaseDatabaseWrapper) -> Iterator[Any]:
        """Yield what the ORM would send for a row."""
        for value, adapt in zip(self.attributes(row), self.adapters, strict=True):
            yield value if adapt is None else adapt(value, database)


def _adapter(field: Field[Any, Any]) -> Callable[..., Any] | None:
    if field.__class__.pre_save not in _TAKE_THE_ATTRIBUTE or _is_stamped(field):
        raise TypeError(f"{field} makes its value while it is saved.")
    source = field.target_field if isinstance(field, ForeignKey) else field
    kind = source.get_internal_type()
    if kind in _AS_THEY_ARE:
        return None
    return _whole_number(kind) if kind in _WHOLE_NUMBERS else field.get_db_prep_save


def _whole_number(kind: str) -> Callable[..., Any]:
    """Return what gives a number its column's width, so that one text fits them all."""
    width = _WHOLE_NUMBERS[kind]
    return lambda value, _: None if value is None else width(value)


def _is_stamped(field: Field[Any, Any]) -> bool:
    return isinstance(field, DateField) and (field.auto_now or field.auto_now_add)
