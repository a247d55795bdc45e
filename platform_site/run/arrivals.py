"""Decide from a request's bytes whether all of it has arrived. Pure.

The server's parser decides whether a request is well formed. This module only makes
sure that the parser never waits for a byte.
"""

from __future__ import annotations

import re

HEAD_MAXIMUM = 64 * 1024
_DIGITS = 18

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*0*([0-9]+)[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)


class Arrival:
    """The bytes of one request so far. Each byte is scanned once.

    A body of more than `body_maximum` bytes counts as arrived as soon as its size is
    known: the application refuses it unread.
    """

    def __init__(self, body_maximum: int) -> None:
        self.received = bytearray()
        self.expects_continue = False
        self._body_maximum = body_maximum
        self._body: _Length | _Chunks | None = None

    def add(self, data: bytes) -> bool:
        """Add received bytes; return whether the request is complete."""
        searched_to = max(0, len(self.received) - 3)
        self.received += data
        if self._body is None:
            self._find_body(searched_to)
        return self._body is not None and self._body.is_whole(self.received)

    @property
    def is_too_long(self) -> bool:
        """Whether the head is longer than we accept."""
        return self._body is None and len(self.received) > HEAD_MAXIMUM

    def _find_body(self, searched_to: int) -> None:
        blank = len(self.received) - len(self.received.lstrip(b"\r\n"))
        end = self.received.find(b"\r\n\r\n", max(blank, searched_to))
        if end < 0:
            return
        head, starts_at = bytes(self.received[: end + 2]), end + 4
        self.expects_continue = bool(_EXPECTS.search(head))
        if _CHUNKED.search(head):
            self._body = _Chunks(starts_at, self._body_maximum)
            return
        length = _LENGTH.search(head)
        digits = length[1] if length else b"0"
        wanted = int(digits[:_DIGITS])
        is_refused = wanted > self._body_maximum or len(digits) > _DIGITS
        self._body = _Length(starts_at + (0 if is_refused else wanted))


class _Length:
    def __init__(self, ends_at: int) -> None:
        self.ends_at = ends_at

    def is_whole(self, received: bytearray) -> bool:
        return len(received) >= self.ends_at


class _Chunks:
    """A chunked body (RFC 9112, section 7.1).

    A malformed chunk counts as its end, because the parser refuses it there.
    """

    def __init__(self, starts_at: int, maximum: int) -> None:
        self._at = starts_at  # Where the next chunk's size line starts.
        self._left = maximum  # Body bytes still allowed, without the size lines.
        self._is_last = False

    def is_whole(self, received: bytearray) -> bool:
        while not self._is_last:
            end = received.find(b"\r\n", self._at)
            if end < 0:
                return len(received) - self._at > _SIZE_LINE_MAXIMUM
            size = _SIZE.match(received, self._at, end)
            if size is None:
                return True
            length = int(size[1], 16)
            if length == 0:
                self._is_last = True
                self._at = end
            elif length > self._left:
                return len(received) > end + 2 + self._left
            elif len(received) < end + 2 + length + 2:
                return False
            else:
                self._left -= length
                self._at = end + 2 + length + 2
        return (
            received.find(b"\r\n\r\n", self._at) >= 0
            or len(received) - self._at > HEAD_MAXIMUM
        )


# Any number of digits: leading zeros are allowed.
_SIZE = re.compile(rb"(?<![0-9a-fA-F])([0-9a-fA-F]+)[ \t]*(?:;|$)")
_SIZE_LINE_MAXIMUM = 4096
