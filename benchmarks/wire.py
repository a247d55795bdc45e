"""HTTP clients that request transactions with as little CPU as possible."""

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
from platform_site.run.options import HOST

PATH = "/api/v1/transactions/"
WARM_UP = 5  # Requests of each connection before the measurement.
TIMEOUT_S = 30
END_OF_HEAD = b"\r\n\r\n"


class Client:
    """One connection that sends requests of one agent, or of several in turn.

    Uses a plain socket, because it shares the cores with the server: http.client needs
    several times the CPU. `number` distinguishes clients of the same agent. `per_s` is
    the rate of requests; 0 means without a pause.
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
        """Connect again, because the server closes idle connections."""
        self.close()
        for _ in range(WARM_UP):
            self.decide()

    def close(self) -> None:
        """End the connection; the next request makes another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def ask(self, stop: threading.Event) -> list[float]:
        """Send requests one after another until `stop` is set; return the latencies.

        At a fixed rate, a latency is measured from when the request was due. So it
        includes the delay that an earlier slow answer caused.
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
        """Request a new transaction; return its outcome. Raises BenchmarkError."""
        self._asked += 1
        turn = self._asked // len(self._heads)
        # The same amount within a minute would be held.
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
        decision: dict[str, Any] = json.loads(content)
        return str(decision["outcome"])

    def _exchange(self, request: bytes) -> tuple[bytes, bytes]:
        """Send a request; return the status and the body of its answer.

        Raises OSError, and ValueError for an answer without Content-Length.
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
    """Let all clients send concurrently for these seconds; return a sample per group.

    Raises BenchmarkError for any answer that is not a decision.
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
