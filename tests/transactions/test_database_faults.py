"""The database goes away, hangs or drags: 503, nothing allowed, it goes on unaided."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connections

from audit.base.bounded import BoundedConnection
from tests.factories import make_agent_token
from tests.spending import credential_of
from transactions.decisions.models import IdempotencyRecord
from transactions.money.queries import money_faults
from transactions.spending.models import Transaction
from transactions.spending.services import spending
from transactions.spending.services.recording import write_decided

BODY = {"amount": "49.99", "merchant": "Amazon", "category": "electronics"}

# What PostgreSQL says then: CommandComplete, its length and its tag.
COMMITTED = b"C\0\0\0\x0bCOMMIT\0"


class Proxy:
    """Between us and PostgreSQL's socket; loses, holds or delays bytes on request."""

    def __init__(self, server: str) -> None:
        self.server, self.is_down, self.loses_commits = server, False, 0
        self.delay_s = 0.0
        self.flowing = threading.Event()
        self.flowing.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open: list[socket.socket] = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                if self.is_down:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.server)
                self.open += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(
                        target=self.pass_on, args=pair, daemon=True
                    ).start()

    def pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.loses_commits and COMMITTED in data:
                    self.loses_commits -= 1
                    break
                self.flowing.wait()
                time.sleep(self.delay_s)
                target.sendall(data)
        self.end(source, target)

    def end(self, *ends: socket.socket) -> None:
        for each in ends:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def go_down(self) -> None:
        self.is_down = True
        self.end(*self.open)


@pytest.fixture
def proxy(committed_db: None) -> Iterator[Proxy]:
    connection: Any = connections["default"]
    settings = connection.settings_dict
    before = settings["HOST"], settings["PORT"]
    host, port = before
    proxy = Proxy(f"{host}/.s.PGSQL.{port or 5432}")
    connection.close()
    connection.close_pool()
    settings["HOST"], settings["PORT"] = "127.0.0.1", str(proxy.port)
    yield proxy
    proxy.flowing.set()
    connection.close()
    connection.close_pool()
    settings["HOST"], settings["PORT"] = before
    proxy.listener.close()
    proxy.end(*proxy.open)


@pytest.fixture
def ask(proxy, agent, api, alice, spacious_limits):
    credential_of(agent)
    client = api(token=make_agent_token(agent, acting=alice))

    def send(key, amount="49.99"):
        body = BODY | {"amount": amount}
        try:
            return client.post(
                "/api/v1/transactions/", body, "json", headers={"Idempotency-Key": key}
            )
        finally:
            connections["default"].close()

    return send


def await_recovery(ask, key, amount="20.00"):
    """Return the first answer that is no failure; within a minute."""
    started = time.monotonic()
    while (answer := ask(key, amount)).status_code != 201:
        assert answer.status_code == 503
        assert time.monotonic() - started < 60
        time.sleep(0.2)
    return answer


@pytest.fixture
def waits(monkeypatch):
    """Make us wait a second at most; holds for how long each wait in vain was."""
    patience_s = 1
    monkeypatch.setattr(BoundedConnection, "patience_s", patience_s)
    wait, waits = BoundedConnection.wait, list[float]()

    def timed(connection, *arguments, **named):
        started = time.monotonic()
        try:
            return wait(connection, *arguments, **named)
        except psycopg.OperationalError:
            waited_s = time.monotonic() - started
            # Not a connection that is closed already, nor the pool's own threads.
            is_ours = threading.current_thread() is threading.main_thread()
            if is_ours and waited_s >= patience_s:
                waits.append(waited_s)
            raise

    monkeypatch.setattr(BoundedConnection, "wait", timed)
    return waits


def assert_asked(*keys):
    """Nothing is known but these requests, each with one transaction."""
    known = IdempotencyRecord.objects.values_list("key", flat=True)
    assert sorted(known) == sorted(keys)
    assert Transaction.objects.count() == len(keys)
    assert list(money_faults()) == []


def test_p1_without_the_database_nothing_is_allowed_and_it_recovers(proxy, ask):
    assert ask("before").status_code == 201

    proxy.go_down()
    refused = [ask(f"down-{n}") for n in range(2)]
    proxy.is_down = False
    answer = await_recovery(ask, "after")

    assert [each.status_code for each in refused] == [503, 503]
    assert [each.headers["Retry-After"] for each in refused] == ["5", "5"]
    assert answer.json()["outcome"] == "allow"
    assert_asked("after", "before")


def test_p1_a_hanging_database_is_not_waited_for_and_it_recovers(proxy, ask, waits):
    assert ask("before").status_code == 201
    assert waits == []

    proxy.flowing.clear()
    refused = ask("hung")
    [waited_s] = waits  # Once, not for each that is asked for.
    proxy.flowing.set()
    answer = await_recovery(ask, "after")

    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert waited_s < 30
    assert answer.json()["outcome"] == "allow"
    assert_asked("after", "before")


def test_p1_a_database_that_hangs_amid_a_decision_leaves_half_of_nothing(
    proxy, ask, waits, monkeypatch
):
    assert ask("before").status_code == 201

    def hang_then_write(*args, **kwargs):
        proxy.flowing.clear()
        return write_decided(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(spending, "write_decided", hang_then_write)
        refused = ask("hung", "20.00")
    assert not proxy.flowing.is_set()
    assert len(waits) == 1
    proxy.flowing.set()
    answer = await_recovery(ask, "hung")

    assert refused.status_code == 503
    assert "Idempotent-Replayed" not in answer.headers
    assert_asked("before", "hung")


def test_p1_a_slow_database_is_waited_for(proxy, ask):
    assert ask("quick").status_code == 201

    proxy.delay_s = 0.05
    started = time.monotonic()
    slow = ask("slow", "20.00")

    # There and back at least.
    assert time.monotonic() - started >= 2 * proxy.delay_s
    assert (slow.status_code, slow.json()["outcome"]) == (201, "allow")
    assert_asked("quick", "slow")


def test_p6_a_lost_commit_is_503_and_the_resend_gets_what_was_committed(proxy, ask):
    proxy.loses_commits = 1
    lost = ask("one")

    assert proxy.loses_commits == 0
    assert lost.status_code == 503
    assert Transaction.objects.count() == 1
    again = ask("one")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert again.json()["id"] == Transaction.objects.get().pk
    assert list(money_faults()) == []


def test_p7_with_the_pool_exhausted_the_answer_is_503_within_seconds(
    proxy, ask, monkeypatch
):
    connection: Any = connections["default"]
    pool = connection.pool
    before = Transaction.objects.count()
    connection.close()
    taken = [pool.getconn() for _ in range(pool.max_size)]
    getconn, asked_for = pool.getconn, list[float]()

    def counted(timeout: float | None = None) -> Any:
        asked_for.append(pool.timeout if timeout is None else timeout)
        return getconn(timeout)

    with monkeypatch.context() as patched:
        patched.setattr(pool, "getconn", counted)
        refused = ask("one")

    for each in taken:
        pool.putconn(each)
    assert refused.status_code == 503
    assert asked_for == [5]  # Once, not for each that is asked for.
    assert ask("one").status_code == 201
    assert Transaction.objects.count() == before + 1
