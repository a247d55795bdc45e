"""The decision endpoint of a real `manage.py up`, asked over kept-alive connections."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count

from benchmarks.measures import Sample, sample
from benchmarks.stack import BenchmarkError, Stack
from platform_site.credentials import load_credentials
from platform_site.replay.client import Admin, Api
from platform_site.replay.tally import Tally
from platform_site.supervisor import HOST

PATH = "/api/v1/transactions/"
USER_AGENT = "benchmarks"
WARM_UP = 5  # Requests of each connection before the clock starts.
TIMEOUT_S = 30
# The seed's example, as the demo agent has it whose decision the floor repeats.
POLICY = {
    "currency": "USD",
    "max_transaction_amount": "1000.00",
    "allowed_merchants": ["Amazon", "Walmart"],
    "blocked_categories": ["gambling", "adult"],
    "requires_approval_above": "500.00",
}


@dataclass
class Client:
    """An agent of its own, and how many decisions it has asked for."""

    token: str = field(repr=False)
    numbers: Iterator[int] = field(default_factory=count)

    def decision(self, connection: http.client.HTTPConnection) -> str:
        """Ask for a new transaction and return the outcome. Raises BenchmarkError."""
        number = next(self.numbers)
        # The same amount twice within a minute would be held.
        body = {"amount": f"{20 + number % 30}.99", "currency": "USD"}
        body |= {"merchant": "Amazon", "category": "electronics"}
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"{number:026}",
            "User-Agent": USER_AGENT,
        }
        connection.request("POST", PATH, json.dumps(body).encode(), headers)
        response = connection.getresponse()
        content = response.read()
        if response.status != http.HTTPStatus.CREATED:
            raise BenchmarkError(f"{PATH}: {response.status} {content.decode()}")
        return str(json.loads(content)["outcome"])


class Endpoint:
    """As many test agents as clients, each with a connection of its own."""

    def __init__(self, stack: Stack, *, clients: int) -> None:
        self.port = stack.port
        self.outcomes: Counter[str] = Counter()
        api = Api(stack.url, stop=threading.Event(), tally=Tally())
        credentials = load_credentials(stack.data / "credentials.json")
        admin = Admin(credentials.users["admin"])
        try:
            self.clients = [
                Client(_token(api, admin, number)) for number in range(clients)
            ]
        finally:
            api.close()

    def measure(self, *, seconds: int) -> Sample:
        """Ask for so many seconds by all clients at once. Raises BenchmarkError."""
        stop = threading.Event()
        start = threading.Barrier(len(self.clients) + 1, timeout=TIMEOUT_S)
        with ThreadPoolExecutor(len(self.clients)) as pool:
            asking = [
                pool.submit(self._ask, client, start, stop) for client in self.clients
            ]
            try:
                start.wait()
                began = time.perf_counter()
                stop.wait(seconds)
                stop.set()
                latencies_s = [each for one in asking for each in one.result()]
            except threading.BrokenBarrierError:
                raise next(filter(None, (one.exception() for one in asking))) from None
            finally:
                stop.set()
                start.abort()
        return sample(latencies_s, seconds=time.perf_counter() - began)

    def _ask(
        self, client: Client, start: threading.Barrier, stop: threading.Event
    ) -> list[float]:
        """Ask one after another until told to stop; return how long each took."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=TIMEOUT_S)
        latencies_s: list[float] = []
        try:
            for _ in range(WARM_UP):
                client.decision(connection)
            start.wait()
            while not stop.is_set():
                began = time.perf_counter()
                outcome = client.decision(connection)
                latencies_s.append(time.perf_counter() - began)
                self.outcomes[outcome] += 1
        except BaseException:
            start.abort()
            raise
        finally:
            connection.close()
        return latencies_s


def _token(api: Api, admin: Admin, number: int) -> str:
    """Make one more agent and return its access token."""
    body = {"name": f"bench {number}", "mode": "test"}
    path = f"agents/{admin.call(api, 'POST', 'agents/', body=body).body['id']}/"
    admin.call(api, "PUT", f"{path}policy/", body=POLICY)
    issued = admin.call(api, "POST", f"{path}credentials/", body={}).body
    credential = {name: issued[name] for name in ("client_id", "client_secret")}
    answer = api.send("POST", "auth/agent-token/", body=credential)
    return str(answer.body["access"])
