"""Clients that send a little and wait, at the real web server."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from urllib.parse import urlsplit

import httpx
import pytest

from platform_site.run.web_server import workers
from platform_site.run.web_worker import ARRIVING_PER_ADDRESS
from tests.serving import serving

HEAD = b"POST /api/v1/auth/token/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
# What a slow client sends before it waits.
BEGINNINGS = (
    b"P",
    b"\r\n",
    HEAD,
    HEAD + b"Content-Length: 10\r\n\r\n123456789",
    HEAD + b"Content-Length: 00000000000000000000000010\r\n\r\n{",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nA\r\n12",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n000000000000000000000A\r\n12",
)


@pytest.fixture(scope="module")
def address(django_db_setup) -> Iterator[str]:
    """One server for all: nobody here asks for what is in a database."""
    with serving() as address:
        yield address


@contextlib.contextmanager
def slow_senders(
    address: str, count: int, beginnings: Sequence[bytes] = BEGINNINGS
) -> Iterator[list[socket.socket]]:
    where = urlsplit(address)
    with contextlib.ExitStack() as opened:
        senders = []
        for begun in islice(cycle(beginnings), count):
            sender = socket.create_connection((where.hostname, where.port), timeout=60)
            opened.enter_context(sender)
            sender.sendall(begun)
            senders.append(sender)
        yield senders


def told(sender: socket.socket) -> bytes:
    """Return what a connection was answered so far."""
    sender.settimeout(0)
    try:
        return sender.recv(4096)
    except BlockingIOError:
        return b"nothing"


def test_p15_who_sends_slowly_stops_nobody(address):
    with slow_senders(address, 60) as senders:
        with httpx.Client(base_url=address, timeout=60) as client:
            answers = [client.get("/livez").status_code for _ in range(20)]

        assert answers == [200] * 20
        assert {told(sender) for sender in senders} == {b"nothing"}


def test_p15_a_form_that_is_too_large_is_refused_unread(address):
    """Django's parser would wait for the rest of the first part, for ever."""
    begun = (
        b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Cookie: csrf=" + b"a" * 32 + b"\r\nContent-Length: 1000000\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        b'--b\r\nContent-Disposition: form-data; name="x"; filename="y"\r\n\r\n1'
    )
    with slow_senders(address, 24, [begun]) as senders:
        for sender in senders:
            assert sender.recv(20).startswith(b"HTTP/1.1 413 ")
        assert httpx.get(f"{address}/livez", timeout=60).status_code == 200


def test_p10_a_head_without_end_is_ended_and_delays_nobody(address):
    """A line of a header every so often is a slow sender; many at once are a flood."""
    where = urlsplit(address)
    flood = HEAD + b"X-Padding: x\r\n" * 8_000
    with socket.create_connection((where.hostname, where.port), timeout=60) as it:
        it.sendall(flood)
        answer = it.recv(64)

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert httpx.get(f"{address}/livez", timeout=60).status_code == 200


def test_p15_of_too_many_from_one_address_the_oldest_end(address):
    most = workers * ARRIVING_PER_ADDRESS
    with slow_senders(address, most + 100) as senders:
        answer = httpx.get(f"{address}/livez", timeout=60)
        said = [told(sender) for sender in senders]

    assert answer.status_code == 200
    assert said.count(b"nothing") <= most
    assert set(said) == {b"nothing", b""}
    assert said[-1] == b"nothing"


def test_who_expects_100_is_told_to_go_on(address):
    where = urlsplit(address)
    head = (
        HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port), timeout=60) as it:
        it.sendall(head)
        assert it.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        it.sendall(b"{}")
        answer = b"".join(iter(lambda: it.recv(4096), b""))

    assert b"HTTP/1.1 4" in answer


def test_p15_who_does_not_close_an_ended_connection_delays_nobody(address):
    """gunicorn's loop waits two seconds for each: three minutes for these."""
    where = urlsplit(address)
    asking = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with contextlib.ExitStack() as opened:
        for _ in range(200):
            it = socket.create_connection((where.hostname, where.port), timeout=60)
            opened.enter_context(it)
            it.sendall(asking)

        for _ in range(3):
            assert httpx.get(f"{address}/livez", timeout=20).status_code == 200
