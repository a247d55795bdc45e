"""Requests that are retried after limits and restarts; the admin and the agents."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from audit.base.core.readers import rfc3339
from platform_site.replay.rows import Row
from platform_site.run.credentials import Login

TIMEOUT_S = 60
# Shorter than servers' own time-out, so that connections seldom break in a request.
KEEP_ALIVE_S = 1.5
FIRST_WAIT_S, WAIT_S_MAX = 0.1, 5.0
# How long the server may be unavailable: longer than a restart with recovery.
OUTAGE_S_MAX = 180.0
SERVER_ERRORS_MAX = 4
AWAY = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, 504}
# Tokens are renewed this long before they expire, or halfway if they are short.
MARGIN_S = 60.0
CREDENTIAL_DAYS = 1

CURRENCY = "USD"
# Policies of customers' agents: like the demonstration's agents, or nearly unlimited,
# to show risk assessment and the pipeline.
_BOTH = {"currency": CURRENCY, "allowed_merchants": None}
POLICIES: Mapping[str, Mapping[str, Any]] = {
    "demo": _BOTH
    | {
        "max_transaction_amount": "1000.00",
        "requires_approval_above": "500.00",
        "blocked_categories": ["gambling", "adult"],
    },
    "open": _BOTH
    | {
        "max_transaction_amount": "1000000.00",
        "requires_approval_above": None,
        "blocked_categories": [],
    },
}


class ReplayError(Exception):
    """The replay cannot continue; the message says why."""


class RequestRefused(ReplayError):
    """A request of the administrator was refused; `code` is the problem's code."""

    def __init__(self, what: str, answer: Answer) -> None:
        super().__init__(f"{what}: {answer.status} {answer.code}.")
        self.code = answer.code


class Stopped(Exception):
    """Raised in workers that were asked to stop."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The server's final answer, and how long that one attempt took."""

    status: int
    body: Mapping[str, Any]
    headers: httpx.Headers
    latency_s: float

    @property
    def code(self) -> str:
        """The code of the problem's first error, else of the problem."""
        for error in self.body.get("errors") or ():
            return str(error.get("code"))
        return str(self.body.get("code", "no_code"))


class Api:
    """One worker's connection. Any of our requests can safely be repeated."""

    def __init__(
        self,
        base_url: str,
        *,
        stop: threading.Event,
        on_wait: Callable[[str, float], None],
    ) -> None:
        self._http = httpx.Client(
            base_url=f"{base_url.rstrip('/')}/api/v1/",
            timeout=TIMEOUT_S,
            limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_S),
            headers={"User-Agent": "replay"},
            trust_env=False,  # Sends passwords directly, not through a proxy.
        )
        self._stop = stop
        self._on_wait = on_wait

    def close(self) -> None:
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send until there is a final answer, waiting after 429, restarts and outages.

        Calls `on_wait` with the reason and the seconds of each wait. Returns a server
        error that persists. Raises ReplayError after OUTAGE_S_MAX without a usable
        answer, Stopped when asked to stop.
        """
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        attempts = _Attempts()
        while True:
            if self._stop.is_set():
                raise Stopped
            began = time.perf_counter()
            try:
                response = self._http.request(
                    method, path, json=body, params=query, headers=sent
                )
            except httpx.TransportError as error:
                self._retry("no answer", attempts.outage(str(error) or repr(error)))
                continue
            latency_s = time.perf_counter() - began
            wait_s = attempts.wait_s(response)
            if wait_s is None:
                return Answer(
                    response.status_code, _json(response), response.headers, latency_s
                )
            self._retry(str(response.status_code), wait_s)

    def _retry(self, why: str, wait_s: float) -> None:
        self._on_wait(why, wait_s)
        self._stop.wait(wait_s)


class _Attempts:
    """The attempts of one request: how many and since when."""

    def __init__(self) -> None:
        self._trouble_began: float | None = None
        self._next_wait_s = FIRST_WAIT_S
        self._server_errors = 0

    def wait_s(self, response: httpx.Response) -> float | None:
        """Return how long to wait before a retry, None if this answer is final."""
        status = response.status_code
        asked_s = _retry_after_s(response)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self._trouble_began = None  # The server answers: no outage.
            return max(asked_s, FIRST_WAIT_S)
        if status in AWAY:
            return max(self.outage(f"status {status}"), asked_s)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._server_errors += 1
            return self._back_off() if self._server_errors < SERVER_ERRORS_MAX else None
        return None

    def outage(self, what: str) -> float:
        """Return how long to wait before a retry. Raises ReplayError after too long."""
        now = time.monotonic()
        self._trouble_began = self._trouble_began or now
        if now - self._trouble_began > OUTAGE_S_MAX:
            raise ReplayError(f"The server was down for {OUTAGE_S_MAX:.0f} s ({what}).")
        return self._back_off()

    def _back_off(self) -> float:
        wait_s = self._next_wait_s
        self._next_wait_s = min(wait_s * 2, WAIT_S_MAX)
        return wait_s


def _retry_after_s(response: httpx.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _json(response: httpx.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


@dataclass
class _Token:
    value: str
    renew_at: float

    @classmethod
    def of(cls, answer: Answer) -> _Token:
        lifetime_s = float(answer.body["expires_in"])
        renew_in_s = max(lifetime_s - MARGIN_S, lifetime_s / 2)
        return cls(str(answer.body["access"]), time.monotonic() + renew_in_s)

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() < self.renew_at


def with_token(
    token: Callable[[], str],
    renew: Callable[[str], None],
    send: Callable[[str], Answer],
) -> Answer:
    """Send with a token; if it is refused, send again with a new one."""
    used = token()
    answer = send(used)
    if answer.status != HTTPStatus.UNAUTHORIZED:
        return answer
    renew(used)
    return send(token())


class Admin:
    """The administrator of credentials.json, signed in once for all workers."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._lock = threading.Lock()
        self._token: _Token | None = None

    def call(
        self,
        api: Api,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request as the administrator. Raises RequestRefused if refused.

        If the server wants a fresh proof, gives the password and sends again.
        """

        def send() -> Answer:
            return with_token(
                lambda: self._access(api),
                self._forget,
                lambda token: api.send(
                    method, path, body=body, query=query, token=token
                ),
            )

        answer = send()
        if answer.code == "step_up_required":
            self._step_up(api)
            answer = send()
        if answer.status >= 400:
            raise RequestRefused(f"{method} {path}", answer)
        return answer

    def _access(self, api: Api) -> str:
        with self._lock:
            if self._token is None or not self._token.is_fresh:
                self._token = self._sign_in(api)
            return self._token.value

    def _sign_in(self, api: Api) -> _Token:
        login = self._login
        body = {"username": login.username, "password": login.password}
        answer = api.send("POST", "auth/token/", body=body)
        if answer.status != HTTPStatus.OK:
            raise ReplayError(
                f"{login.username} cannot sign in: {answer.status} {answer.code}."
            )
        return _Token.of(answer)

    def _step_up(self, api: Api) -> None:
        proof = {"password": self._login.password}
        api.send("POST", "auth/step-up/", body=proof, token=self._access(api))

    def _forget(self, used: str) -> None:
        with self._lock:
            if self._token is not None and self._token.value == used:
                self._token = None


@dataclass
class _Agent:
    """One customer's agent, with its credential and token."""

    id: str
    credential: dict[str, str] | None = field(default=None, repr=False)
    token: _Token | None = field(default=None, repr=False)


class CustomerAgents:
    """The agents of one worker's customers. Memory grows with customers, not rows."""

    def __init__(
        self, api: Api, admin: Admin, policy: Mapping[str, Any], owner_from: str | None
    ) -> None:
        self._api = api
        self._admin = admin
        self._policy = policy
        self._owner_from = owner_from
        self._known: dict[str, _Agent] = {}

    def request(self, row: Row) -> Answer:
        """Request one recorded transaction as its customer's agent."""
        agent = self._agent(row.customer_id)

        def forget(used: str) -> None:
            agent.token = None

        return with_token(
            lambda: self._access(agent), forget, lambda token: self._post(row, token)
        )

    def _post(self, row: Row, token: str) -> Answer:
        body = {
            "amount": row.amount,
            "currency": CURRENCY,
            "merchant": row.merchant,
            "category": row.category,
            "occurred_at": rfc3339(row.occurred_at),
        }
        key = {"Idempotency-Key": row.transaction_id}
        send = self._api.send
        return send("POST", "transactions/", body=body, token=token, headers=key)

    def _agent(self, customer_id: str) -> _Agent:
        if customer_id not in self._known:
            self._known[customer_id] = self._find_or_make(f"replay-{customer_id}")
        return self._known[customer_id]

    def _find_or_make(self, name: str) -> _Agent:
        """Return the agent of that name, creating it and its policy if necessary."""
        agent = self._find(name) or self._create(name)
        if agent["policy_version"] is None:
            path = f"agents/{agent['id']}/policy/"
            self._admin.call(self._api, "PUT", path, body=dict(self._policy))
        return _Agent(agent["id"])

    def _find(self, name: str) -> Mapping[str, Any] | None:
        query = {"name": name, "mode": "test"}
        listed = self._admin.call(self._api, "GET", "agents/", query=query).body["data"]
        return listed[0] if listed else None

    def _create(self, name: str) -> Mapping[str, Any]:
        body = {"name": name, "mode": "test", **self._owner()}
        try:
            return self._admin.call(self._api, "POST", "agents/", body=body).body
        except RequestRefused as refused:
            # Created by our own request, whose answer was lost.
            agent = self._find(name) if refused.code == "name_taken" else None
            if agent is None:
                raise
            return agent

    def _owner(self) -> dict[str, str]:
        """Return the owner of the new agents: one whose manager sees and decides."""
        if self._owner_from is None:
            return {}
        found = self._admin.call(self._api, "GET", f"agents/{self._owner_from}/")
        return {"owner": str(found.body["owner"])}

    def _access(self, agent: _Agent) -> str:
        if agent.token is None or not agent.token.is_fresh:
            agent.token = self._exchange(agent)
        return agent.token.value

    def _exchange(self, agent: _Agent) -> _Token:
        """Exchange the agent's credential; issue a new one if refused or missing."""
        if agent.credential is not None:
            answer = self._token_for(agent.credential)
            if answer.status == HTTPStatus.OK:
                return _Token.of(answer)
        agent.credential = self._issue(agent)
        answer = self._token_for(agent.credential)
        if answer.status != HTTPStatus.OK:
            raise ReplayError(
                f"No token for {agent.id}: {answer.status} {answer.code}."
            )
        return _Token.of(answer)

    def _token_for(self, credential: dict[str, str]) -> Answer:
        return self._api.send("POST", "auth/agent-token/", body=credential)

    def _issue(self, agent: _Agent) -> dict[str, str]:
        path = f"agents/{agent.id}/credentials/"
        body = {"expires_in_days": CREDENTIAL_DAYS}
        issued = self._admin.call(self._api, "POST", path, body=body).body
        return {name: str(issued[name]) for name in ("client_id", "client_secret")}
