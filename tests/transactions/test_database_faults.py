"""The database goes away: 503, nothing allowed, and it goes on unaided."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

from tests.factories import make_agent_token
from tests.spending import credential_of
from transactions.models import IdempotencyRecord, Transaction
from transactions.queries.money_faults import money_faults

BODY = {"amount": "49.99", "merchant": "Amazon", "category": "electronics"}

# What PostgreSQL says then: CommandComplete, its length and its tag.
COMMITTED = b"C\0\0\0\x0bCOMMIT\0"


class Proxy:
    """Between us and PostgreSQL's socket; loses answers and connections if told to."""

    def __init__(self, server: str) -> None:
        self.server, self.is_down, self.loses_commits = server, False, 0
        self.is_deciding = False
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
    connection.close()
    connection.close_pool()
    settings["HOST"], settings["PORT"] = before
    proxy.listener.close()
    proxy.end(*proxy.open)


@pytest.fixture
def ask(proxy, agent, api, alice, spacious_limits):
    credential_of(agent)
    client = api(token=make_agent_token(agent, acting=alice))

    def send(key):
        try:
            return client.post(
                "/api/v1/transactions/", BODY, "json", headers={"Idempotency-Key": key}
            )
        finally:
            connections["default"].close()

    return send


def test_p1_without_the_database_nothing_is_allowed_and_it_recovers(proxy, ask):
    assert ask("before").status_code == 201

    proxy.go_down()
    refused = [ask(f"down-{n}") for n in range(2)]
    proxy.is_down = False
    started = time.monotonic()
    while (answer := ask("after")).status_code != 201:
        assert time.monotonic() - started < 10
        time.sleep(0.2)

    assert [each.status_code for each in refused] == [503, 503]
    assert all(each.headers["Retry-After"] for each in refused)
    assert answer.json()["outcome"] in ("allow", "hold")
    keys = IdempotencyRecord.objects.values_list("key", flat=True)
    assert sorted(keys) == ["after", "before"]
    assert Transaction.objects.count() == 2


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


def test_p7_with_the_pool_exhausted_the_answer_is_503_within_seconds(proxy, ask):
    connection: Any = connections["default"]
    pool = connection.pool
    before = Transaction.objects.count()
    connection.close()
    taken = [pool.getconn() for _ in range(pool.max_size)]
    started = time.monotonic()

    refused = ask("one")

    took_s = time.monotonic() - started
    for each in taken:
        pool.putconn(each)
    assert refused.status_code == 503
    assert took_s < 15  # Twice the pool's time-out, and a busy machine.
    assert ask("one").status_code == 201
    assert Transaction.objects.count() == before + 1
