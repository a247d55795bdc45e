"""Give the test run engines of its own, before pytest-django reads the settings.

PostgreSQL and Valkey start in a new temporary directory, in memory where there is
space, and end with the run. Set TEST_DATABASE_URL or TEST_REDIS_URL to test against
running ones; DATABASE_URL and REDIS_URL are never used, they may be somebody's data.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

import psycopg
import pytest

from platform_site.run.engines import EnginesError, throwaway_engines

# A busy machine is no outage; the tests of outages have the product's time-out.
PATIENCE = {"REDIS_TIMEOUT_MS": "60000"}
KEYS = {
    "SECRET_KEY": "test-secret-key-0123456789abcdef-0123456789abcdef-01234",
    "JWT_SECRET_KEY": "test-jwt-key-0123456789abcdef-0123456789abcdef-01234567",
    "AUDIT_SIGNING_KEY": "dGVzdC1hdWRpdC1zaWduaW5nLWtleS0wMTIzNDU2Nzg=",
    "RECEIPT_SIGNING_KEY": "dGVzdC1yZWNlaXB0LXNpZ25pbmcta2V5LTAxMjM0NTY=",
    "ENCRYPTION_KEY": "dGVzdC1lbmNyeXB0aW9uLWtleS0wMTIzNDU2Nzg5YWI=",
}

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the engines' directory is made safely.
FREE_BYTES_MIN = 1 << 30


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        # The controller has the engines; each worker has its own database in them.
        os.environ["REDIS_URL"] = worker_redis_url(os.environ["REDIS_URL"], worker)
        return
    stack = contextlib.ExitStack()
    early_config.add_cleanup(stack.close)
    try:
        urls = stack.enter_context(
            throwaway_engines(
                database_url=os.environ.get("TEST_DATABASE_URL", ""),
                redis_url=os.environ.get("TEST_REDIS_URL", ""),
                parent=memory_directory(),
            )
        )
    except EnginesError as error:
        raise pytest.UsageError(str(error)) from error
    databases = f"test_{secrets.token_hex(4)}"
    stack.callback(drop_databases, urls.database, databases)
    for name in ("DATABASE_URL", "REDIS_URL", *KEYS):
        os.environ.pop(f"{name}_FILE", None)
    os.environ |= (
        KEYS
        | PATIENCE
        | {
            "ENVIRONMENT": "test",
            "DATABASE_URL": urls.database,
            "REDIS_URL": urls.redis,
            "TEST_DATABASES": databases,
        }
    )


def drop_databases(url: str, prefix: str) -> None:
    """Drop this run's databases; a server that was given to us lives on."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
        for (name,) in connection.execute(found, [prefix]).fetchall():
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def worker_redis_url(url: str, worker: str) -> str:
    """Return the URL with the database that belongs to an xdist worker (gw0, …)."""
    address, _, database = url.rpartition("?db=")
    return f"{address}?db={int(database) + 2 * (int(worker[2:]) + 1)}"


def memory_directory() -> Path | None:
    """Return a directory in memory for the engines' files; None without a GiB free.

    Without a file system that runs programs too: root's engines run copies of them.
    """
    try:
        found = os.statvfs(SHARED_MEMORY)
    except OSError:
        return None
    has_room = found.f_bavail * found.f_frsize >= FREE_BYTES_MIN
    runs_programs = not found.f_flag & os.ST_NOEXEC
    is_writable = os.access(SHARED_MEMORY, os.W_OK | os.X_OK)
    return SHARED_MEMORY if has_room and runs_programs and is_writable else None
