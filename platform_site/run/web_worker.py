"""A gunicorn worker whose threads never wait for a slow sender.

gunicorn gives a connection to a thread at its first byte. A few clients that send no
second byte could so occupy all threads. Here the worker's loop collects each request,
and a thread gets the complete one.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from platform_site.run.arrivals import Arrival
from platform_site.settings import DATA_UPLOAD_MAX_MEMORY_SIZE

ARRIVAL_S = 20.0  # For a complete request, however slowly it arrives.
ARRIVING_MAXIMUM = 384
ARRIVING_PER_ADDRESS = 128
SEND_S = 20  # How long a thread waits for the client to accept the next bytes.
LINGER_S = 2.0
LINGERING_MAXIMUM = 128
LINGER_BYTES = PIECE_BYTES = 64 * 1024

_TIMEOUT = b"HTTP/1.1 408 Request Timeout"
_INCOMPLETE = b"HTTP/1.1 400 Bad Request"
_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large"
_NO_MORE = b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_NOT_NOW = (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK)


class Connection(TConn):  # type: ignore[misc] # gunicorn has no types.
    """A connection that closes gracefully without blocking the worker's loop.

    gunicorn's own would wait in the loop, for up to two seconds, until the client
    closes as well.
    """

    def __init__(self, *args: Any, linger: Callable[[Connection], None]) -> None:
        super().__init__(*args)
        self._linger = linger
        # The peer's address; the same for all clients of a Unix socket.
        self.address: str = self.client[0] if self.client else ""

    def init(self) -> None:
        super().init()
        # The loop has collected everything. If the parser expects more, it finds the
        # end of the data: no thread waits for a byte.
        self.parser.unreader.chunk = lambda *_: b""

    def close(self, graceful: bool = False) -> None:
        if graceful:
            self._linger(self)
        else:
            super().close()


class WholeRequestWorker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types.
    """Collects requests; ends slow ones, and the oldest if there are too many."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Both are ordered by age; the times are monotonic.
        self.arriving: dict[Connection, tuple[Arrival, float]] = {}
        self.lingering: dict[Connection, tuple[int, float]] = {}
        self.addresses: Counter[str] = Counter()

    def accept(self, listener: socket.socket) -> None:
        """Accept one connection, as gunicorn does, with our class and time-out."""
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno not in _NOT_NOW:
                raise
            return
        sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_S, 0)
        )
        self.nr_conns += 1
        name = listener.getsockname()
        self.enqueue_req(Connection(self.cfg, sock, client, name, linger=self._linger))

    def enqueue_req(self, conn: Connection) -> None:
        """Wait for a connection's next request; called by gunicorn for each one."""
        arrival = Arrival(DATA_UPLOAD_MAX_MEMORY_SIZE)
        ahead = conn.parser.unreader.take_buffered() if conn.initialized else b""
        if arrival.add(ahead):
            self._hand_over(conn, arrival)
            return
        self._end_oldest(conn.address)
        conn.sock.settimeout(0)
        self.arriving[conn] = (arrival, time.monotonic() + ARRIVAL_S)
        self.addresses[conn.address] += 1
        self.poller.register(conn.sock, EVENT_READ, partial(self._collect, conn))

    def murder_pending(self) -> None:
        """End connections that take too long; called by gunicorn every second."""
        super().murder_pending()
        now = time.monotonic()
        for conn, (arrival, until) in list(self.arriving.items()):
            if until <= now:
                self._end(conn, _TIMEOUT if arrival.received else b"")
            elif not self.alive and not arrival.received:
                self._end(conn)
        for conn, (_, until) in list(self.lingering.items()):
            if until <= now:
                self._end_lingering(conn)

    def _end_oldest(self, address: str) -> None:
        if len(self.arriving) >= ARRIVING_MAXIMUM:
            self._end(next(iter(self.arriving)))
        if self.addresses[address] >= ARRIVING_PER_ADDRESS:
            theirs = (conn for conn in self.arriving if conn.address == address)
            self._end(next(theirs))

    def _collect(self, conn: Connection, sock: socket.socket) -> None:
        arrival, _ = self.arriving[conn]
        try:
            data = sock.recv(PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._end(conn)
            return
        expected = arrival.expects_continue
        if arrival.add(data):
            self._forget(conn)
            self._hand_over(conn, arrival)
        elif not data:
            self._end(conn, _INCOMPLETE if arrival.received else b"")
        elif arrival.is_too_long:
            self._end(conn, _TOO_LONG)
        elif arrival.expects_continue and not expected:
            with contextlib.suppress(OSError):
                sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _hand_over(self, conn: Connection, arrival: Arrival) -> None:
        conn.init()
        conn.parser.unreader.unread(bytes(arrival.received))
        super().enqueue_req(conn)

    def _end(self, conn: Connection, status: bytes = b"") -> None:
        self._forget(conn)
        if status:
            with contextlib.suppress(OSError):
                conn.sock.send(status + _NO_MORE)
        self.nr_conns -= 1
        conn.close(graceful=bool(status))

    def _forget(self, conn: Connection) -> None:
        del self.arriving[conn]
        self.addresses -= Counter([conn.address])  # Removes zero counts.
        self.poller.unregister(conn.sock)

    def _linger(self, conn: Connection) -> None:
        """End sending, but read a while longer: a reset could cut off the answer."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            conn.close()
            return
        if len(self.lingering) >= LINGERING_MAXIMUM:
            conn.close()
            return
        conn.sock.settimeout(0)
        self.lingering[conn] = (0, time.monotonic() + LINGER_S)
        self.poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))

    def _drain(self, conn: Connection, sock: socket.socket) -> None:
        read, until = self.lingering[conn]
        try:
            data = sock.recv(PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        read += len(data)
        self.lingering[conn] = (read, until)
        if not data or read > LINGER_BYTES:
            self._end_lingering(conn)

    def _end_lingering(self, conn: Connection) -> None:
        del self.lingering[conn]
        self.poller.unregister(conn.sock)
        conn.close()
