"""The decision endpoint through HTTP, asked over connections that are kept."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from benchmarks.stack import BenchmarkError, Sample, Stack, sample
from platform_site.credentials import load_credentials
from platform_site.replay.client import TEST_POLICY, Admin, Api
from platform_site.replay.tally import Tally
from platform_site.supervisor import HOST

PATH = "/api/v1/transactions/"
WARM_UP = 5  # Requests of each connection before the clock starts.
TIMEOUT_S = 30


class Client:
    """An agent with one connection; http.client, for it costs the least CPU."""

    def __init__(self, port: int, token: str) -> None:
        self.outcomes: Counter[str] = Counter()
        self._http = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": "benchmarks"}
        self._headers["Content-Type"] = "application/json"
        self._number = 0

    def warm_up(self) -> None:
        """Connect anew, for a server does not keep what is quiet for long."""
        self._http.close()
        for _ in range(WARM_UP):
            self._decision()

    def ask(self, stop: threading.Event) -> list[float]:
        """Ask one after another until told to stop; return how long each took."""
        latencies_s = []
        while not stop.is_set():
            began = time.perf_counter()
            outcome = self._decision()
            latencies_s.append(time.perf_counter() - began)
            self.outcomes[outcome] += 1
        return latencies_s

    def _decision(self) -> str:
        """Ask for a new transaction, return the outcome. Raises BenchmarkError."""
        self._number += 1
        # The same amount twice within a minute would be held.
        body = {"amount": f"{20 + self._number % 30}.99", "currency": "USD"}
        body |= {"merchant": "Amazon", "category": "electronics"}
        headers = self._headers | {"Idempotency-Key": f"{self._number:030}"}
        try:
            self._http.request("POST", PATH, json.dumps(body).encode(), headers)
            response = self._http.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise BenchmarkError(f"{PATH}: no answer ({error!r}).") from error
        if response.status != http.HTTPStatus.CREATED:
            raise BenchmarkError(f"{PATH}: {response.status} {content.decode()}")
        return str(json.loads(content)["outcome"])


class Endpoint:
    """As many clients as wanted, all of them asking at once."""

    def __init__(self, stack: Stack, *, clients: int) -> None:
        credentials = load_credentials(stack.data / "credentials.json")
        admin = Admin(credentials.users["admin"])
        api = Api(credentials.base_url, stop=threading.Event(), tally=Tally())
        with contextlib.closing(api):
            tokens = [_token(api, admin, f"bench {one}") for one in range(clients)]
        self.clients = [Client(stack.port, token) for token in tokens]

    @property
    def outcomes(self) -> Counter[str]:
        return sum((client.outcomes for client in self.clients), Counter())

    def measure(self, *, seconds: int) -> Sample:
        """Ask for so many seconds. Raises BenchmarkError on any other answer."""
        stop = threading.Event()
        with ThreadPoolExecutor(len(self.clients)) as pool:
            list(pool.map(Client.warm_up, self.clients))
            began = time.perf_counter()
            asking = [pool.submit(client.ask, stop) for client in self.clients]
            try:
                stop.wait(seconds)
            finally:
                stop.set()
            latencies_s = [each for one in asking for each in one.result()]
        return sample(latencies_s, time.perf_counter() - began)


def _token(api: Api, admin: Admin, name: str) -> str:
    """Make a test agent with a policy and return its access token."""
    agent = admin.call(api, "POST", "agents/", body={"name": name, "mode": "test"})
    path = f"agents/{agent.body['id']}/"
    admin.call(api, "PUT", f"{path}policy/", body=dict(TEST_POLICY))
    issued = admin.call(api, "POST", f"{path}credentials/", body={}).body
    secret = {key: issued[key] for key in ("client_id", "client_secret")}
    return str(api.send("POST", "auth/agent-token/", body=secret).body["access"])
