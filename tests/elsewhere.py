"""What another process does to the test's database meanwhile."""

from __future__ import annotations

from typing import Any

import psycopg
from django.db import connection


def elsewhere(sql: str, *parameters: Any) -> None:
    """Execute and commit on a connection that Django knows nothing of."""
    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"] or None,
        user=settings["USER"],
        password=settings["PASSWORD"],
        dbname=settings["NAME"],
        autocommit=True,
    ) as other:
        other.execute(sql, parameters or None)
