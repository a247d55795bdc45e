"""When a request has arrived whole: as gunicorn's own parser sees it."""

from __future__ import annotations

from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import RequestParser
from hypothesis import assume, example, given
from hypothesis import strategies as st

from platform_site.run.arrivals import HEAD_MAXIMUM, Arrival

MAXIMUM = 1_000
HEAD = b"POST /x HTTP/1.1\r\nHost: h\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def is_whole(*pieces: bytes) -> bool:
    arrival = Arrival(MAXIMUM)
    return [arrival.add(piece) for piece in pieces][-1]


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    return b"%018x%s\r\n%s\r\n" % (len(data), extension, data)


class Waited(Exception):
    """The parser asked for bytes that are not there."""


class TooLarge(Exception):
    """The body's length is above what the application reads."""


def parsed(received: bytes) -> bytes:
    """Return the body as the application reads it. Raises Waited, TooLarge."""

    def source() -> Any:
        yield received
        raise Waited

    request = next(RequestParser(Config(), source(), ("127.0.0.1", 1)))
    if int(dict(request.headers).get("CONTENT-LENGTH", 0)) > MAXIMUM:
        raise TooLarge
    return bytes(request.body.read(MAXIMUM + 1))


bodies = st.binary(max_size=80) | st.sampled_from(
    [b"\r\n\r\n", b"0\r\n\r\n", b"\r\n0\r\n\r\n", b"Content-Length: 9\r\n\r\n"]
)
by_length = bodies.map(
    lambda body: HEAD + b"Content-Length:  %025d\r\n\r\n%s" % (len(body), body)
)
by_chunks = st.builds(
    lambda parts, last: CHUNKED + b"".join(map(chunk, parts)) + last,
    st.lists(bodies.filter(bool), max_size=4),
    st.sampled_from([b"0\r\n\r\n", b"000\r\n\r\n", b"0;a=b\r\n\r\n"]),
)
without = st.just(HEAD + b"\r\n")
requests = st.one_of(by_length, by_chunks, without)


@given(request=requests, data=st.data())
def test_p15_a_request_is_whole_when_the_parser_waits_for_nothing(request, data):
    cut = data.draw(st.integers(1, len(request) - 1))

    assert is_whole(request)
    assert is_whole(*(bytes([byte]) for byte in request))
    assert is_whole(request[:cut], request[cut:])
    parsed(request)
    assert not is_whole(request[:cut])
    with pytest.raises(Waited):
        parsed(request[:cut])


# Whatever a meddler may put together.
scraps = st.lists(
    st.sampled_from(
        [
            *(b"\r\n", b"\r\n\r\n", b"\n", b" ", b";", b":", b"0", b"1", b"3", b"x"),
            *(b"Content-Length: 3", b"content-length:0", b"Content-Length: 1, 2"),
            *(b"Transfer-Encoding: chunked", b"transfer-encoding : identity"),
            *(b"\r\n3\r\nabc\r\n", b"\r\n0\r\n\r\n", b"0\r\nTrailer: x\r\n\r\n"),
        ]
    ),
    max_size=9,
).map(b"".join)


@given(tail=scraps, head=st.sampled_from([CHUNKED, HEAD, b"", b"\r\n\r\n" + HEAD]))
@example(head=HEAD, tail=b"Content-Length: 3000\r\n\r\n")
def test_p15_of_any_bytes_what_counts_as_whole_makes_no_parser_wait(head, tail):
    received = head + tail
    assume(is_whole(received))

    try:
        parsed(received)
    except Waited:
        pytest.fail("The parser waited.")
    except Exception:  # noqa: BLE001, S110 - it refuses, in whatever way.
        pass


@pytest.mark.parametrize(
    "received",
    [
        HEAD + b"Content-Length: 1001\r\n\r\n",
        HEAD + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n",
        CHUNKED + b"3e9\r\n" + b"x" * 1001,
        CHUNKED + chunk(b"x" * 600) + b"fffffff\r\n" + b"x" * 401,
        CHUNKED + b"z\r\n",
        CHUNKED + b"1" * 5_000,
        b"\r\n\r\n" + HEAD + b"\r\n",
    ],
)
def test_what_the_application_refuses_is_not_waited_for(received):
    assert is_whole(received)


@pytest.mark.parametrize(
    "received",
    [
        CHUNKED + b"3e9\r\n" + b"x" * 1000,
        CHUNKED + chunk(b"x" * 600) + b"fffffff\r\n" + b"x" * 400,
        b"\r\n\r\n" + HEAD,
        b"\r\n\r\n\r\n\r\n",
    ],
)
def test_what_the_application_may_still_read_is_waited_for(received):
    assert not is_whole(received)


def test_a_head_without_end_is_too_long_at_some_time():
    arrival = Arrival(MAXIMUM)
    assert not arrival.add(HEAD + b"X: " + b"x" * (HEAD_MAXIMUM - len(HEAD) - 3))
    assert not arrival.is_too_long

    arrival.add(b"x")

    assert arrival.is_too_long


def test_who_expects_100_is_known_with_the_head():
    arrival = Arrival(MAXIMUM)
    arrival.add(HEAD + b"Expect: 100-Continue\r\nContent-Length: 2\r\n")
    assert not arrival.expects_continue

    assert not arrival.add(b"\r\n")

    assert arrival.expects_continue
