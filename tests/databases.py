"""The databases of the tests: clones of one migrated template, of either role."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
from django.db import connections
from django.test.utils import setup_databases

from platform_site.roles import grant_runtime

RUNTIME = "platform_runtime"
OWNER = connections["default"].settings_dict["USER"]
PASSWORD = connections["default"].settings_dict["PASSWORD"]


def migrate(administration: psycopg.Connection[Any], name: str) -> None:
    """Make a database with all tables, and the role that may use them."""
    settings: Any = connections["default"].settings_dict
    original = settings["NAME"]
    settings["TEST"] |= {"NAME": f"{name}_unfinished", "SERIALIZE": False}
    setup_databases(verbosity=0, interactive=False)
    role = "SELECT FROM pg_roles WHERE rolname = %s"
    if not administration.execute(role, [RUNTIME]).rowcount:
        administration.execute(f"CREATE ROLE {RUNTIME} LOGIN PASSWORD '{PASSWORD}'")
    grant_runtime(RUNTIME)
    leave_database()
    settings["NAME"] = original
    administration.execute(f'ALTER DATABASE "{name}_unfinished" RENAME TO "{name}"')


@contextlib.contextmanager
def copied(template: str, administration: psycopg.Connection[Any]) -> Iterator[str]:
    """Make a copy of a database that nobody is connected to; drop it at the end."""
    name = f"{os.environ['TEST_DATABASES']}_{secrets.token_hex(4)}"
    # Copying files writes no log, which is what the copy costs in memory.
    administration.execute(
        f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY'
    )
    try:
        yield name
    finally:
        administration.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextlib.contextmanager
def working_in(name: str) -> Iterator[None]:
    """Let this process's connections be to a database until the end."""
    settings: Any = connections["default"].settings_dict
    original = settings["NAME"]
    leave_database()
    settings["NAME"] = name
    try:
        yield
    finally:
        leave_database()
        settings["NAME"] = original


def leave_database() -> None:
    """Close this process's connections to the database that it works in."""
    connection: Any = connections["default"]
    connection.close()
    connection.close_pool()


def connect_as(role: str) -> None:
    """Let this process's connections be of a role from now on."""
    leave_database()
    connections["default"].settings_dict["USER"] = role
