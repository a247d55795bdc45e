"""Ids: a prefix that names the kind, and the time first, so that new rows sort last."""

from __future__ import annotations

import base64
import secrets
import time
from typing import Any

from django.db import models

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case.
LENGTH = 26
_OURS = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ALPHABET.encode())


def new_id(prefix: str) -> str:
    """Return `prefix_` and 26 characters: 54 bits of microseconds, 76 random bits.

    Ids that one process makes in a row sort in that order, as a timeline needs.
    """
    number = (time.time_ns() // 1_000 << 76) | secrets.randbits(76)
    # base64 spells whole groups of 40 bits, so 160 of them, and the first 130 are ours.
    spelt = base64.b32encode((number << 30).to_bytes(20))[:LENGTH]
    return f"{prefix}_{spelt.translate(_OURS).decode()}"


class PrefixedIdField(models.CharField):  # type: ignore[type-arg]
    """Primary key that is made by us before the insert, so that rows can name it."""

    def __init__(self, prefix: str, **kwargs: Any) -> None:
        self.prefix = prefix
        kwargs.setdefault("primary_key", True)
        kwargs.setdefault("editable", False)
        kwargs["max_length"] = len(prefix) + 1 + LENGTH
        kwargs["db_collation"] = "C"
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for derived in ("max_length", "db_collation"):
            del kwargs[derived]
        return name, path, [self.prefix, *args], kwargs

    def has_default(self) -> bool:
        return True

    def get_default(self) -> str:
        return new_id(self.prefix)


class TransactionIdField(models.Field):  # type: ignore[type-arg]
    """PostgreSQL's 64-bit id of the transaction that inserted the row, as a string.

    The column's default fills it in. `generated` keeps Django from naming the column
    in an INSERT or UPDATE, which the runtime role has no right to.
    """

    generated = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs | {"null": True, "editable": False})

    def db_type(self, connection: Any) -> str:
        """Return the type of the column."""
        return "xid8"
