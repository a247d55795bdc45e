"""A body that is there is seen, however it comes: through the real web server."""

from __future__ import annotations

import gzip
import itertools
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from tests.factories import make_agent, make_agent_token
from tests.people import make_people
from tests.serving import serving
from tests.spending import everything, set_aside_minor, spend
from tests.stress.running import LIMITS

TEN = b'{"amount": "10.00"}'
FORM = {"Content-Length": "12", "Content-Type": "application/x-www-form-urlencoded"}
CHUNKED = {"Transfer-Encoding": "chunked"}


@dataclass
class Caller:
    """An agent with 100.00 reserved, which writes its requests byte by byte."""

    address: str
    token: str
    transaction: str
    keys: Iterator[int]

    def capture(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Return the status and all of what the server answers before it closes."""
        lines = [
            f"POST /api/v1/transactions/{self.transaction}/capture/ HTTP/1.1",
            "Host: 127.0.0.1",
            "Connection: close",
            f"Authorization: Bearer {self.token}",
            f"Idempotency-Key: {next(self.keys)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        where = urlsplit(self.address)
        with socket.create_connection((where.hostname, where.port), timeout=60) as it:
            it.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            it.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: it.recv(65536), b"")).decode()
        return int(answer.split()[1]), answer


@pytest.fixture
def caller(committed_db) -> Iterator[Caller]:
    people = make_people()
    agent = make_agent(people.carol, acting=people.alice)
    reserved = spend(agent, "100.00").body["id"]
    with serving(RATE_LIMIT_CONFIG=json.dumps(LIMITS)) as address:
        token = make_agent_token(agent, acting=people.alice)
        yield Caller(address, token, reserved, itertools.count(1))


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def test_a_body_that_is_there_is_read_or_refused_and_never_taken_for_none(caller):
    """An empty body of a capture means all of it."""
    before = everything()
    typed = {"Content-Type": "application/json"}
    length = {"Content-Length": str(len(TEN))}
    packed = gzip.compress(TEN)
    told = {"Content-Length": str(len(packed)), "Content-Encoding": "gzip"}
    large = chunks(b" " * 200_000, b" " * 200_000, TEN, b"")

    answers = {
        "gzip": caller.capture(packed, typed | told),
        "said to be br": caller.capture(
            TEN, typed | length | {"Content-Encoding": "br"}
        ),
        "gzip in chunks": caller.capture(
            chunks(packed, b""), typed | CHUNKED | {"Content-Encoding": "gzip"}
        ),
        "cut off": caller.capture(chunks(TEN), typed | CHUNKED),
        "no chunk": caller.capture(b"x\r\n" + TEN, typed | CHUNKED),
        "too large": caller.capture(large, typed | CHUNKED),
        "no type": caller.capture(TEN, length),
        "text": caller.capture(TEN, length | {"Content-Type": "text/plain"}),
        "a form": caller.capture(b"amount=10.00", FORM),
        "null": caller.capture(b"null", typed | {"Content-Length": "4"}),
        "a list": caller.capture(b"[]", typed | {"Content-Length": "2"}),
        "blanks": caller.capture(b"  ", typed | {"Content-Length": "2"}),
        "nothing of it": caller.capture(b"", typed | length),
        "half of it": caller.capture(TEN[:9], typed | length),
        "half of a form": caller.capture(b"amount=1", FORM),
        "two lengths": caller.capture(TEN, typed | length | CHUNKED),
        "another coding": caller.capture(
            chunks(packed, b""), typed | {"Transfer-Encoding": "gzip, chunked"}
        ),
    }

    assert {name: status for name, (status, _) in answers.items()} == {
        "gzip": 415,
        "said to be br": 415,
        "gzip in chunks": 415,
        "cut off": 400,
        "no chunk": 400,
        "too large": 413,
        "no type": 415,
        "text": 415,
        "a form": 415,
        "null": 400,
        "a list": 400,
        "blanks": 400,
        "nothing of it": 400,
        "half of it": 400,
        "half of a form": 400,
        "two lengths": 400,
        "another coding": 411,
    }
    assert everything() == before

    read = caller.capture(chunks(TEN[:7], TEN[7:], b""), typed | CHUNKED)
    assert (read[0], "10.00" in read[1]) == (200, True)
    assert set_aside_minor() == 90_00
