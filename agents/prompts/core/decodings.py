"""Other readings of a text: what an encoder would hide from a pattern."""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import urllib.parse
from collections.abc import Iterator, Mapping

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){12,}")
_SPACED = re.compile(r"(?<=\b\w) (?=\w\b)")
_MAX_RUNS = 50


def decoded(text: str) -> Iterator[str]:
    """Yield the texts that parts of `text` encode: base64, hex, URL, HTML, ROT13.

    Once, not recursively; linear. A reading that changes nothing is not yielded.
    """
    for run in _BASE64.findall(text)[:_MAX_RUNS]:
        yield from _readable(_base64(run))
    for run in _HEX.findall(text)[:_MAX_RUNS]:
        yield from _readable(bytes.fromhex(run))
    if "%" in text and (plain := urllib.parse.unquote_plus(text)) != text:
        yield plain
    if "&" in text and (plain := html.unescape(text)) != text:
        yield plain
    yield codecs.decode(text, "rot13")


def respelled(text: str, digits: Mapping[int, int]) -> Iterator[str]:
    """Yield a text with s p a c e d letters joined, and with digits as letters."""
    joined = _SPACED.sub("", text)
    if joined != text:
        yield joined
    letters = text.translate(digits)
    if letters != text:
        yield letters


def _base64(run: str) -> bytes:
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4))
    except binascii.Error:
        return b""


def _readable(raw: bytes) -> Iterator[str]:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return
    if len(text) >= 8 and text.replace("\n", " ").isprintable():
        yield text
