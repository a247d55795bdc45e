"""A connection that does not wait for ever for a server that has gone silent."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

Answer = TypeVar("Answer")


class BoundedConnection(psycopg.Connection[Any]):
    """A connection whose waits end, once `patience_s` (seconds) is set.

    statement_timeout is kept by the server; one that hangs, or that the network cut
    off, keeps no time. The web server sets it, for people and agents wait there; jobs
    may take as long as they must. A wait that ended leaves the connection closed, and
    is an OperationalError like any other loss of the server.
    """

    patience_s: ClassVar[float | None] = None

    def wait(
        self, gen: PQGen[Answer], interval: float = 0.1, timeout: float | None = None
    ) -> Answer:
        """Wait for the server, in steps of `interval` seconds, at most `timeout`."""
        patience_s = self.patience_s if timeout is None else timeout
        try:
            return super().wait(gen, interval, patience_s)
        except psycopg.OperationalError:
            # An answer that comes later would be taken for that to something else.
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise
