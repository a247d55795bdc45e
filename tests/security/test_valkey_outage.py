"""A Valkey that is really stopped, or killed, under requests that really come in."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from django.test import Client
from redis.backoff import NoBackoff
from redis.retry import Retry

from platform_site.engine_settings import cache_options
from platform_site.run.engines.binaries import valkey_server
from security.limits import limiter
from tests.browsing import sign_in
from tests.factories import make_agent, make_agent_token
from tests.flows.requests import create
from tests.people import PASSWORD, People
from tests.spending import everything, held
from transactions.approvals.models import ApprovalRequest
from transactions.approvals.queries.approvals import etag_of

TOKEN = "/api/v1/auth/token/"
TIMEOUT_MS = 250  # As where nobody sets another.
CAROL = {"username": "carol", "password": PASSWORD}


@dataclass(frozen=True, slots=True)
class Scene:
    approval: ApprovalRequest
    manager: Client
    page: Client
    shopper: Client
    stranger: Client
    visitor: Client


class Valkey:
    """A server of this test's own."""

    def __init__(self, directory: Path) -> None:
        socket = directory / "valkey.sock"
        self.url = f"unix://{socket}?db=0"
        self._process = subprocess.Popen(
            [valkey_server(), "--port", "0", "--unixsocket", socket, "--save", ""],
            stdout=subprocess.DEVNULL,
            cwd=directory,
        )
        deadline = time.monotonic() + 300
        while not self.answers():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def answers(self, timeout_s: float = 5) -> bool:
        client = redis.Redis.from_url(
            self.url, socket_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
        )
        with client:
            try:
                return bool(client.ping())
            except (redis.ConnectionError, redis.TimeoutError):
                return False

    def hang(self) -> None:
        self._process.send_signal(signal.SIGSTOP)
        assert not self.answers(timeout_s=0.2)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert not self.answers()


@pytest.fixture
def valkey(tmp_path_factory: Any, settings: Any) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("v"))
    settings.REDIS_URL = server.url
    settings.REDIS_TIMEOUT_MS = TIMEOUT_MS
    settings.CACHES = {
        "default": settings.CACHES["default"]
        | {"LOCATION": server.url, "OPTIONS": cache_options(timeout_ms=TIMEOUT_MS)}
    }
    limiter._Outage.until = 0.0
    limiter._local = limiter.LocalBuckets()
    yield server
    server.go_on()
    server.kill()
    limiter._Outage.until = 0.0


@pytest.fixture
def scene(people: People, client_for: Any, api: Any) -> Scene:
    """Something waits for bob, who is signed in both ways, before Valkey stops."""
    agent = make_agent(people.carol, acting=people.alice)
    page = Client(raise_request_exception=False)
    sign_in(page, people.bob)
    return Scene(
        approval=held(agent),
        manager=client_for(people.bob),
        page=page,
        shopper=api(token=make_agent_token(agent, acting=people.alice)),
        stranger=api(),
        visitor=Client(),
    )


def without_log(rows: dict[str, Any]) -> dict[str, Any]:
    return {name: found for name, found in rows.items() if name != "AuditEvent"}


def timed(send: Callable[[], Any]) -> Any:
    """Return the answer of a request that did not wait for what does not answer.

    A quarter of a second by our time-outs; the rest is for a busy machine. Without
    them it would wait for good.
    """
    started = time.perf_counter()
    response = send()
    assert time.perf_counter() - started < 60
    return response


def decide(scene: Scene, verb: str) -> Any:
    address = f"/api/v1/transactions/{scene.approval.transaction_id}/{verb}/"
    etag = f'"{etag_of(scene.approval)}"'
    return scene.manager.post(address, {"reason": "No."}, headers={"If-Match": etag})


# What must not go on uncounted: by API in its classes, and by form.
CLOSED: dict[str, Callable[[Scene], Any]] = {
    "sign-in": lambda scene: scene.stranger.post(TOKEN, CAROL),
    "refresh": lambda scene: scene.stranger.post(f"{TOKEN}refresh/", {"refresh": "x"}),
    "an agent's token": lambda scene: scene.stranger.post(
        "/api/v1/auth/agent-token/", {"client_id": "x", "client_secret": "x"}
    ),
    "step-up": lambda scene: scene.manager.post(
        "/api/v1/auth/step-up/", {"password": PASSWORD}
    ),
    "approve": lambda scene: decide(scene, "approve"),
    "deny": lambda scene: decide(scene, "deny"),
    "lock": lambda scene: scene.manager.post(
        f"/api/v1/agents/{scene.approval.transaction.agent_id}/lock/", {"reason": "x"}
    ),
    "sign-in page": lambda scene: scene.visitor.post("/accounts/login/", CAROL),
    "approval page": lambda scene: scene.page.post(
        f"/approvals/{scene.approval.pk}/", {"verdict": "approve", "reason": "Yes."}
    ),
    "password page": lambda scene: scene.page.post("/accounts/password/", {}),
}


@pytest.mark.parametrize("outage", [Valkey.hang, Valkey.kill])
def test_d8_what_is_dangerous_is_503_at_once(
    valkey: Valkey, scene: Scene, outage: Callable[[Valkey], None]
):
    before = everything()
    outage(valkey)

    answers = {name: timed(lambda: send(scene)) for name, send in CLOSED.items()}  # noqa: B023

    told = {
        name: (one.status_code, one["Retry-After"]) for name, one in answers.items()
    }
    assert told == dict.fromkeys(CLOSED, (503, "5"))
    assert without_log(everything()) == without_log(before)


@pytest.mark.parametrize("outage", [Valkey.hang, Valkey.kill])
@pytest.mark.usefixtures("slow_refill")
def test_p2_reads_and_decisions_go_on_counted_in_the_process(
    valkey: Valkey, scene: Scene, outage: Callable[[Valkey], None]
):
    outage(valkey)

    reads = [timed(lambda: scene.manager.get("/api/v1/me/")) for _ in range(7)]
    decision = timed(lambda: create(scene.shopper))
    pages = [
        timed(lambda: scene.page.get(address))  # noqa: B023
        for address in ("/approvals/", f"/approvals/{scene.approval.pk}/")
    ]

    assert [one.status_code for one in reads] == [200] * 5 + [429] * 2
    assert (decision.status_code, decision.json()["outcome"]) == (201, "allow")
    assert [one.status_code for one in pages] == [200, 200]


def test_d8_when_it_answers_again_so_do_we(valkey: Valkey, scene: Scene):
    valkey.hang()
    assert CLOSED["sign-in"](scene).status_code == 503
    valkey.go_on()
    time.sleep(limiter.REST_S)

    assert CLOSED["sign-in"](scene).status_code == 200
    assert CLOSED["sign-in page"](scene).status_code == 302
    assert decide(scene, "deny").status_code == 200
