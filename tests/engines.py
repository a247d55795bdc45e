"""Give the test run engines of its own, before pytest-django reads the settings.

PostgreSQL and Valkey start in a new temporary directory and end with the run. Set
TEST_DATABASE_URL or TEST_REDIS_URL to test against running ones; DATABASE_URL and
REDIS_URL are never used, they may be somebody's data.
"""

from __future__ import annotations

import contextlib
import os

import pytest

from platform_site.engines import EnginesError, throwaway_engines

KEYS = {
    "SECRET_KEY": "test-secret-key-0123456789abcdef-0123456789abcdef-01234",
    "JWT_SECRET_KEY": "test-jwt-key-0123456789abcdef-0123456789abcdef-01234567",
    "AUDIT_SIGNING_KEY": "dGVzdC1hdWRpdC1zaWduaW5nLWtleS0wMTIzNDU2Nzg=",
    "RECEIPT_SIGNING_KEY": "dGVzdC1yZWNlaXB0LXNpZ25pbmcta2V5LTAxMjM0NTY=",
    "ENCRYPTION_KEY": "dGVzdC1lbmNyeXB0aW9uLWtleS0wMTIzNDU2Nzg5YWI=",
}


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
            )
        )
    except EnginesError as error:
        raise pytest.UsageError(str(error)) from error
    for name in ("DATABASE_URL", "REDIS_URL", *KEYS):
        os.environ.pop(f"{name}_FILE", None)
    os.environ |= KEYS | {
        "ENVIRONMENT": "test",
        "DATABASE_URL": urls.database,
        "REDIS_URL": urls.redis,
    }


def worker_redis_url(url: str, worker: str) -> str:
    """Return the URL with the database that belongs to an xdist worker (gw0, …)."""
    address, _, database = url.rpartition("?db=")
    return f"{address}?db={int(database) + 2 * (int(worker[2:]) + 1)}"
