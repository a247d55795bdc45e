"""An agent of the demonstration that asks a running platform to spend."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.stress.running import Platform

WAIT_S_MAX = 5


@dataclass
class Asker:
    """The shopping agent and the demonstration's people over HTTP.

    A caller whose token has expired exchanges or signs in again, and a limit is
    waited out once: a clock that steps back empties every bucket.
    """

    client: httpx.Client
    told: Mapping[str, Any]

    def __post_init__(self) -> None:
        self.tokens: dict[str, str] = {}
        agents = {agent["name"]: agent for agent in self.told["agents"]}
        self.agent = agents["shopping"]

    def ask(self, key: str, **changes: Any) -> httpx.Response:
        """Ask to spend under an Idempotency-Key."""
        body = {"amount": "1.00", "merchant": "Amazon", "category": "electronics"}
        headers = {"Idempotency-Key": key}
        return self.send("agent", "POST", "transactions/", body | changes, headers)

    def send(
        self,
        who: str,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send as the agent, or as the person of a role."""
        answer = self._send(who, method, path, body, headers or {})
        if answer.status_code != httpx.codes.UNAUTHORIZED:
            return answer
        entrance = self._enter(who)
        if not entrance.is_success:
            return entrance
        self.tokens[who] = entrance.json()["access"]
        return self._send(who, method, path, body, headers or {})

    def _send(
        self, who: str, method: str, path: str, body: Any, headers: Mapping[str, str]
    ) -> httpx.Response:
        known = {"Authorization": f"Bearer {self.tokens.get(who, 'none')}"}
        told = dict(headers) | known
        answer = self.client.request(method, path, json=body, headers=told)
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            time.sleep(min(int(answer.headers["Retry-After"]), WAIT_S_MAX))
            answer = self.client.request(method, path, json=body, headers=told)
        return answer

    def _enter(self, who: str) -> httpx.Response:
        if who != "agent":
            return self.client.post("auth/token/", json=self.told["users"][who])
        secret = {name: self.agent[name] for name in ("client_id", "client_secret")}
        return self.client.post("auth/agent-token/", json=secret)


@contextlib.contextmanager
def asking(platform: Platform) -> Iterator[Asker]:
    """Yield somebody who asks a platform that is ready."""
    told = json.loads(platform.credentials.read_text(encoding="utf-8"))
    base_url = f"{platform.url}/api/v1/"
    with httpx.Client(base_url=base_url, trust_env=False, timeout=60) as client:
        yield Asker(client, told)
