"""Connections that ask to spend, at as little CPU as Python can."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.stack import BenchmarkError, Sample, sample
from platform_site.options import HOST

PATH = "/api/v1/transactions/"
WARM_UP = 5  # Requests of each connection before the clock starts.
TIMEOUT_S = 30
END_OF_HEAD = b"\r\n\r\n"


class Client:
    """One connection that asks for one agent, or for several in turn.

    On a socket, for it shares the cores with the server: http.client takes several
    times the CPU, which would look like the server's. `number` tells clients apart
    that ask for the same agent. With `per_s` it asks so often, else without a pause.
    """

    def __init__(
        self, port: int, tokens: Sequence[str], *, number: int = 0, per_s: float = 0
    ) -> None:
        self.outcomes: Counter[str] = Counter()
        self._port = port
        self._heads = [
            f"POST {PATH} HTTP/1.1\r\nHost: {HOST}:{port}\r\n"
            "User-Agent: benchmarks\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {token}\r\n"
            for token in tokens
        ]
        self._number = number
        self._interval_s = 1 / per_s if per_s else 0
        self._asked = 0
        self._socket: socket.socket | None = None

    def warm_up(self) -> None:
        """Connect anew, for a server does not keep what is quiet for long."""
        self.close()
        for _ in range(WARM_UP):
            self.decide()

    def close(self) -> None:
        """End the connection; the next request makes another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def ask(self, stop: threading.Event) -> list[float]:
        """Ask one after another until told to stop; return how long each took.

        At a pace the time counts from when it was due, so that one slow answer is not
        hidden by the questions that it held up.
        """
        latencies_s: list[float] = []
        due = time.perf_counter()
        while not stop.wait(max(0, due - time.perf_counter())):
            self.outcomes[self.decide()] += 1
            answered = time.perf_counter()
            latencies_s.append(answered - due)
            due = due + self._interval_s if self._interval_s else answered
        return latencies_s

    def decide(self) -> str:
        """Ask for a new transaction, return the outcome. Raises BenchmarkError."""
        self._asked += 1
        turn = self._asked // len(self._heads)
        # The same amount twice within a minute would be held.
        amount = f"{20 + turn % 30}.{self._number:02}"
        body = (
            f'{{"amount":"{amount}","currency":"USD",'
            '"merchant":"Amazon","category":"electronics"}'
        )
        request = (
            f"{self._heads[self._asked % len(self._heads)]}"
            f"Idempotency-Key: {self._number}-{self._asked:030}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        try:
            status, content = self._exchange(request.encode())
        except (OSError, ValueError) as error:
            raise BenchmarkError(f"{PATH}: no answer ({error!r}).") from error
        if status != b"201":
            raise BenchmarkError(f"{PATH}: {status.decode()} {content.decode()}")
        told: dict[str, Any] = json.loads(content)
        return str(told["outcome"])

    def _exchange(self, request: bytes) -> tuple[bytes, bytes]:
        """Send a request; return the status and the body of its answer.

        Raises OSError, and ValueError on an answer that does not tell its length.
        """
        if self._socket is None:
            self._socket = socket.create_connection((HOST, self._port), TIMEOUT_S)
        self._socket.sendall(request)
        received = b""
        while END_OF_HEAD not in received:
            received += self._more(self._socket)
        head, _, content = received.partition(END_OF_HEAD)
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])
        while len(content) < length:
            content += self._more(self._socket)
        return head[9:12], content

    @staticmethod
    def _more(connection: socket.socket) -> bytes:
        received = connection.recv(65_536)
        if not received:
            raise ConnectionResetError("The server closed the connection.")
        return received


def ask_together(*groups: Sequence[Client], seconds: int) -> list[Sample]:
    """Let all clients ask at once for so many seconds; return each group's sample.

    Raises BenchmarkError on any answer but a decision.
    """
    clients = [client for group in groups for client in group]
    stop = threading.Event()
    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(Client.warm_up, clients))
        began = time.perf_counter()
        asking = [[pool.submit(client.ask, stop) for client in one] for one in groups]
        try:
            stop.wait(seconds)
        finally:
            stop.set()
        latencies_s = [[s for one in group for s in one.result()] for group in asking]
        took = time.perf_counter() - began
    return [sample(each, took) for each in latencies_s]
