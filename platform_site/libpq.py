"""What libpq takes from the environment for all that a DATABASE_URL does not say."""

from __future__ import annotations

import os


def forget_libpq_settings() -> None:
    """Remove PG* from this process's environment, and so from its children's.

    They may be another project's: a port, a service, a way to sign in. What ours needs
    stands in DATABASE_URL, as `?sslmode=verify-full&sslrootcert=…`.
    """
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
