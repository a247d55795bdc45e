"""Where encrypted values are kept, so that all of them can change keys.

The encrypted columns of all models are found by themselves. Apps to the left register
what they keep elsewhere in AppConfig.ready(), as in responders.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.apps import apps
from django.db import connection
from django.db.models import Model, QuerySet

from security.encryption.crypto import Context
from security.encryption.fields import EncryptedTextField

BATCH = 200


@dataclass(frozen=True, slots=True)
class SealedValue:
    """A ciphertext, where it lies, and what it is bound to."""

    key: Any
    token: bytes = field(repr=False)
    context: Context
    target: tuple[str, str, str]


class SealedStore(Protocol):
    """Values of one kind, in the order of their keys."""

    name: str

    def count(self) -> int: ...

    def after(self, key: Any) -> Sequence[SealedValue]:
        """Return the next BATCH values past a key; None: from the first on."""

    def swap(self, value: SealedValue, token: bytes) -> bool:
        """Put a token in a value's place, unless another is there by now. 1 UPDATE.

        Waits for nobody: False, too, where somebody holds the row.
        """


_registered: list[SealedStore] = []


def register(store: SealedStore) -> None:
    """Register a store that is not an EncryptedTextField."""
    _registered.append(store)


def all_stores() -> list[SealedStore]:
    """Return every place where encrypted values are kept."""
    columns = (
        EncryptedColumn(model, column)
        for model in apps.get_models()
        for column in model._meta.local_concrete_fields
        if isinstance(column, EncryptedTextField)
    )
    return [*columns, *_registered]


def values_of(store: SealedStore) -> Iterator[SealedValue]:
    """Yield a store's values, each batch read separately; memory does not grow."""
    key = None
    while batch := store.after(key):
        yield from batch
        key = batch[-1].key


class EncryptedColumn:
    """The values of one EncryptedTextField."""

    def __init__(self, model: type[Model], column: EncryptedTextField) -> None:
        self._label = model._meta.label_lower
        self._column = column
        self._rows: QuerySet[Any] = model._base_manager.filter(
            **{f"{column.name}__isnull": False}
        )
        self.name = f"{self._label}.{column.name}"

    def count(self) -> int:
        return self._rows.count()

    def after(self, key: Any) -> Sequence[SealedValue]:
        rows = self._rows if key is None else self._rows.filter(pk__gt=key)
        found = rows.order_by("pk").values_list("pk", self._column.name)[:BATCH]
        kind = self._label.partition(".")[2]
        return [
            SealedValue(
                pk,
                sealed.token,
                (self._label, self._column.name, str(pk)),
                (kind, str(pk), ""),
            )
            for pk, sealed in found
        ]

    def swap(self, value: SealedValue, token: bytes) -> bool:
        meta, name = self._rows.model._meta, connection.ops.quote_name
        names = (meta.db_table, self._column.column, meta.pk.column)
        table, column, pk = map(name, names)
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table} SET {column} = %s WHERE {pk} = ("  # noqa: S608 - ours.
                f"SELECT {pk} FROM {table} WHERE {pk} = %s AND {column} = %s"
                " FOR NO KEY UPDATE SKIP LOCKED)",
                [token, value.key, value.token],
            )
            return bool(cursor.rowcount == 1)
