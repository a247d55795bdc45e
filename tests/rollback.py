"""Doing something and taking it back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction


@contextlib.contextmanager
def rolled_back() -> Iterator[None]:
    """Run services in a block of the database and take back what they wrote."""
    with transaction.atomic():
        # As Django's TestCase does, so that durable services run inside.
        block: Any = connection.atomic_blocks[-1]
        block._from_testcase = True
        yield
        transaction.set_rollback(True)
