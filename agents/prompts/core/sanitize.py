"""Text without what a reader cannot see, and without what a machine reads otherwise.

Nothing visible is removed, doubled or escaped: newlines, tabs, braces and emoji stay.
Code that renders or wraps the text must escape it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from audit.base.core.joiners import needed_places
from audit.base.core.visible import DRAWN

HiddenKind = Literal["tag", "variation_selector", "zero_width", "bidi", "control"]

MAX_DECODED = 500


@dataclass(frozen=True, slots=True)
class Hidden:
    """Characters of one kind that were removed, and the text that they spelled."""

    kind: HiddenKind
    count: int
    decoded: str


@dataclass(frozen=True, slots=True)
class Sanitized:
    text: str
    hidden: tuple[Hidden, ...]


def sanitize(text: str) -> Sanitized:
    """Return the visible text, and what was hidden in it. Linear; idempotent.

    Controls but newline and tab, zero-width and bidi characters, Unicode tags, stray
    variation selectors and lone surrogates go. What emoji and the scripts that join
    letters need stays where they need it. Every kind of line end becomes a newline.
    Source: seed, "Prompt Injection Prevention" (which dropped newlines as well).
    """
    if text.isascii() and text.isprintable():
        return Sanitized(text, ())
    needed = needed_places(text)
    visible: list[str] = []
    found: dict[HiddenKind, list[str]] = {}
    for index, character in enumerate(text):
        kind = _kind(character)
        if kind is None or index in needed:
            visible.append(character)
        elif character in _LINE_ENDS:
            # The newline of a CR LF pair is on its way.
            if text[index : index + 2] != "\r\n":
                visible.append("\n")
        else:
            found.setdefault(kind, []).append(character)
    return Sanitized("".join(visible), tuple(_report(found)))


def skeleton(text: str) -> str:
    """Return how a text looks to a reader, for comparing: look-alikes made equal.

    NFKC, without combining marks, Cyrillic and Greek look-alikes as Latin, folded
    case, runs of spaces as one. Line structure stays.
    """
    looks = text
    if not text.isascii():
        plain = unicodedata.normalize("NFKD", text)
        bare = "".join(one for one in plain if not unicodedata.combining(one))
        looks = unicodedata.normalize("NFKC", bare).translate(_LOOK_ALIKES)
    looks = looks.casefold()
    return "\n".join(" ".join(line.split()) for line in looks.split("\n"))


def mixes_look_alikes(text: str) -> bool:
    """Return whether a Latin letter stands beside a Cyrillic or Greek look-alike."""
    return _MIXED.search(text) is not None


_LINE_ENDS = frozenset("\r\v\f\x85\u2028\u2029")
_ZERO_WIDTH = frozenset(
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f"
    "\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\u2065\u3164\ufeff\uffa0"
)
_BIDI = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_CYRILLIC = "АВЕЅІЈКМНОРСТУХаеіјорсухѕһԁԛԝь"
_GREEK = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορτυχ"
_LOOK_ALIKES = str.maketrans(
    _CYRILLIC + _GREEK + "ıɡǃ",
    "ABESIJKMHOPCTYXaeijopcyxshdqwb" + "ABEZHIKMNOPTYXaiknoptux" + "ig!",
)
_MIXED = re.compile(rf"[a-zA-Z][{_CYRILLIC}{_GREEK}]|[{_CYRILLIC}{_GREEK}][a-zA-Z]")


def _kind(character: str) -> HiddenKind | None:
    """Return which kind of hidden character this is, if it is one."""
    code = ord(character)
    if code < 0x7F:
        return None if code >= 0x20 or character in "\n\t" else "control"
    if 0xE0100 <= code <= 0xE01EF or 0xFE00 <= code <= 0xFE0F:
        return "variation_selector"
    if 0xE0000 <= code <= 0xE0FFF:
        return "tag"
    if character in _BIDI:
        return "bidi"
    if character in _ZERO_WIDTH:
        return "zero_width"
    category = unicodedata.category(character)
    if category in {"Cc", "Cs", "Zl", "Zp"} or code & 0xFFFE == 0xFFFE:
        return "control"
    return "zero_width" if category == "Cf" and character not in DRAWN else None


def _report(found: dict[HiddenKind, list[str]]) -> Iterator[Hidden]:
    for kind, characters in found.items():
        yield Hidden(kind, len(characters), _decode(kind, characters)[:MAX_DECODED])


def _decode(kind: HiddenKind, characters: list[str]) -> str:
    """Return the ASCII text that hidden characters spell, if they spell one."""
    codes = [ord(character) for character in characters]
    if kind == "tag":
        return _printable(code - 0xE0000 for code in codes)
    if kind == "variation_selector":
        # Two spellings are about: by offset, and by bytes from 16 on.
        wide = [code for code in codes if code >= 0xE0100]
        by_offset = _printable(code - 0xE0100 for code in wide)
        by_byte = _printable(code - 0xE0100 + 16 for code in wide)
        return max(by_offset, by_byte, key=_likeness)
    if kind == "zero_width" and len(set(codes)) == 2:
        one = max(codes)
        bits = "".join("1" if code == one else "0" for code in codes)
        octets = [bits[start : start + 8] for start in range(0, len(bits) - 7, 8)]
        return _printable(int(octet, 2) for octet in octets)
    return ""


def _printable(codes: Iterable[int]) -> str:
    return "".join(chr(code) for code in codes if 0x20 <= code < 0x7F)


def _likeness(text: str) -> int:
    return sum(character.isalpha() or character == " " for character in text)
