"""A thousand clients that send a byte now and then, beside an honest one."""

from __future__ import annotations

import contextlib
import itertools
import json
import resource
import socket
import threading
import time
from collections.abc import Iterator
from statistics import quantiles
from urllib.parse import SplitResult, urlsplit

import httpx
import pytest

from tests.factories import make_agent, make_agent_token
from tests.people import make_people
from tests.platform_site.test_slow_senders import BEGINNINGS
from tests.serving import serving
from tests.stress.running import LIMITS

pytestmark = pytest.mark.stress

SLOW, TURNS, HONEST, FILES = 1_000, 20, 300, 4_096
BODY = {"amount": "1.00", "merchant": "Amazon", "category": "electronics"}


def test_p15_a_thousand_slow_senders_leave_an_honest_client_its_time(committed_db):
    people = make_people()
    agent = make_agent(people.carol, acting=people.alice)
    token = make_agent_token(agent, acting=people.alice)
    headers = {"Authorization": f"Bearer {token}"}
    with (
        serving(RATE_LIMIT_CONFIG=json.dumps(LIMITS)) as address,
        httpx.Client(base_url=address, headers=headers, timeout=60) as honest,
    ):
        asked(honest, "warm")
        alone = p99(asked(honest, "alone"))
        with slow_senders(address) as seen:
            beside = p99(asked(honest, "beside"))
            assert honest.get("/livez").status_code == 200
        again = p99(asked(honest, "again"))

    assert seen.ended > SLOW
    assert beside <= 3 * max(alone, again)


def asked(client: httpx.Client, name: str) -> list[float]:
    """Return how many seconds each of many decisions took."""
    took = []
    for number in range(HONEST):
        began = time.monotonic()
        key = {"Idempotency-Key": f"{name}-{number}"}
        answer = client.post("/api/v1/transactions/", json=BODY, headers=key)
        took.append(time.monotonic() - began)
        assert answer.status_code == 201
    return took


def p99(values: list[float]) -> float:
    return quantiles(values, n=100)[-1]


class Seen:
    turns = ended = 0


@contextlib.contextmanager
def slow_senders(address: str) -> Iterator[Seen]:
    """Keep many connections open, each with a byte a second; open what was ended."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(FILES, files[0]), files[1]))
    stop, seen = threading.Event(), Seen()
    thread = threading.Thread(target=_send, args=(address, stop, seen))
    thread.start()
    while seen.turns < TURNS:
        time.sleep(0.1)
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
        resource.setrlimit(resource.RLIMIT_NOFILE, files)


def _send(address: str, stop: threading.Event, seen: Seen) -> None:
    """Look at a twentieth of the connections at a time, each once a second."""
    where = urlsplit(address)
    slots: list[socket.socket | None] = [None] * SLOW
    with contextlib.ExitStack() as opened:
        for turn in itertools.count():
            for number in range(turn % TURNS, SLOW, TURNS):
                sender = slots[number]
                if sender is not None and _is_open(sender):
                    continue
                seen.ended += sender is not None
                begun = BEGINNINGS[number % len(BEGINNINGS)]
                slots[number] = opened.enter_context(_begin(where, begun))
            seen.turns = turn
            if stop.wait(1 / TURNS):
                return


def _begin(where: SplitResult, begun: bytes) -> socket.socket:
    sender = socket.create_connection((where.hostname, where.port), timeout=60)
    sender.sendall(begun)
    sender.settimeout(0)
    return sender


def _is_open(sender: socket.socket) -> bool:
    """Send one byte more; return whether the server still listens."""
    try:
        sender.recv(4096)
    except BlockingIOError:
        with contextlib.suppress(OSError):
            sender.send(b"x")
            return True
    except OSError:
        pass
    sender.close()
    return False
