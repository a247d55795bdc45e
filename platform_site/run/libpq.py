"""libpq's environment variables, which would add to our DATABASE_URL."""

from __future__ import annotations

import os


def forget_libpq_settings() -> None:
    """Remove PG* from the environment of this process and so of its children.

    They may belong to another project: a port, a service, a password. Ours are part of
    DATABASE_URL, such as `?sslmode=verify-full&sslrootcert=…`.
    """
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
