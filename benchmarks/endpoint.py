"""Decisions through HTTP, requested by agents in test mode."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter

from benchmarks.stack import Sample, Stack
from benchmarks.wire import Client, ask_together
from platform_site.replay.client import POLICIES, Admin, Api
from platform_site.run.credentials import load_credentials


class Endpoint:
    """The product's endpoint, with clients that send requests concurrently."""

    def __init__(self, stack: Stack, *, clients: int) -> None:
        tokens = agent_tokens(stack, clients)
        self.clients = [Client(stack.port, [token]) for token in tokens]

    @property
    def outcomes(self) -> Counter[str]:
        return sum((client.outcomes for client in self.clients), Counter())

    def measure(self, *, seconds: int) -> Sample:
        """Send for these seconds. Raises BenchmarkError for other answers than 201."""
        return ask_together(self.clients, seconds=seconds)[0]


def agent_tokens(stack: Stack, count: int) -> list[str]:
    """Make `count` test agents with a policy and return their access tokens."""
    credentials = load_credentials(stack.data / "credentials.json")
    admin = Admin(credentials.users["admin"])
    api = Api(credentials.base_url, stop=threading.Event(), on_wait=print)
    with contextlib.closing(api):
        return [_token(api, admin, f"bench {one}") for one in range(count)]


def _token(api: Api, admin: Admin, name: str) -> str:
    agent = admin.call(api, "POST", "agents/", body={"name": name, "mode": "test"})
    path = f"agents/{agent.body['id']}/"
    admin.call(api, "PUT", f"{path}policy/", body=dict(POLICIES["open"]))
    issued = admin.call(api, "POST", f"{path}credentials/", body={}).body
    secret = {key: issued[key] for key in ("client_id", "client_secret")}
    return str(api.send("POST", "auth/agent-token/", body=secret).body["access"])
