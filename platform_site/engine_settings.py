"""How the URLs of PostgreSQL and Valkey read in the settings of Django and Celery."""

from __future__ import annotations

import urllib.parse

from audit.bounded import BoundedConnection


def database(
    url: str, *, threads: int, statement_timeout_s: int, prepared: bool
) -> dict[str, object]:
    """Return what Django wants to know of a DATABASE_URL; a pool for the threads."""
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
            # Nobody waits for ever: a time-out is an OperationalError, answered 503.
            "options": f"-c statement_timeout={statement_timeout_s}s"
            " -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
            # Django joins outwards from the table that it filters, so the written order
            # is good. Planning all orders of an approval's ten tables took 20 ms.
            " -c join_collapse_limit=4",
            "connect_timeout": "5",
            **options,
            # Of audit.prepared only; others carry their values in the text. Psycopg's
            # own default: what is sent less often than that is not worth keeping.
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
    """Return how long the cache waits for Valkey, to connect and for each answer."""
    timeout_s = timeout_ms / 1000
    return {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}


def broker(url: str) -> str:
    """Spell a redis-py URL the way kombu does; jobs live in database 1."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "unix":
        return f"redis+socket://{parts.netloc}{parts.path}?virtual_host=1"
    return parts._replace(path="/1").geturl() if url else ""
