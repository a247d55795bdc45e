"""Turn the URLs of PostgreSQL and Valkey into settings of Django and Celery."""

from __future__ import annotations

import urllib.parse

from audit.base.bounded import BoundedConnection


def database(
    url: str, *, threads: int, statement_timeout_s: int, prepared: bool
) -> dict[str, object]:
    """Return Django's database settings for a DATABASE_URL, with a pool."""
    parts = urllib.parse.urlsplit(url)
    options = dict(urllib.parse.parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": urllib.parse.unquote(parts.path.lstrip("/")),
        "USER": urllib.parse.unquote(parts.username or ""),
        "PASSWORD": urllib.parse.unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "ATOMIC_REQUESTS": False,
        "OPTIONS": {
            # No request waits for ever: a time-out raises OperationalError (503).
            "options": f"-c statement_timeout={statement_timeout_s}s"
            " -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
            # Django starts joins at the filtered table, so the written order is good.
            # Planning all join orders of an approval's ten tables took 20 ms.
            " -c join_collapse_limit=4",
            "connect_timeout": "5",
            **options,
            # Matters only for audit.base.prepared: other statements contain their
            # values. 5 is psycopg's default.
            "prepare_threshold": 5 if prepared else None,
            # Threads of one process share the pool; it must not be smaller than
            # their number, or requests wait for each other.
            "pool": {
                "connection_class": BoundedConnection,
                "min_size": 0,
                "max_size": threads + 2,
                "timeout": 5,
            },
        },
    }


def cache_options(*, timeout_ms: int) -> dict[str, object]:
    """Return the cache's time-outs for connecting and for reading."""
    timeout_s = timeout_ms / 1000
    return {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}


def broker(url: str) -> str:
    """Convert a redis-py URL to kombu's form; jobs are in database 1."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "unix":
        return f"redis+socket://{parts.netloc}{parts.path}?virtual_host=1"
    return parts._replace(path="/1").geturl() if url else ""
