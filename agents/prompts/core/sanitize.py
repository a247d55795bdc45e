"""Text without what a reader cannot see, and without what a machine reads otherwise.

Nothing visible is removed, doubled or escaped: newlines, tabs, braces and emoji stay.
Code that renders or wraps the text must escape it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from audit.base.core.joiners import needed_places
from audit.base.core.visible import Unseen, unseen_kind

MAX_DECODED = 500


@dataclass(frozen=True, slots=True)
class Hidden:
    """Characters of one kind that were removed, and the text that they spelled."""

    kind: Unseen
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
    found: dict[Unseen, list[str]] = {}
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


_LINE_ENDS = frozenset("\r\v\f\x85\u2028\u2029")


def _kind(character: str) -> Unseen | None:
    """Return which kind of hidden character this is, if it is one."""
    if " " <= character <= "~" or character in "\n\t":
        return None
    kind = unseen_kind(character)
    # A font may draw what is unknown; a blank is a space.
    return None if kind in ("unknown", "blank") else kind


def _report(found: dict[Unseen, list[str]]) -> Iterator[Hidden]:
    for kind, characters in found.items():
        yield Hidden(kind, len(characters), _decode(kind, characters)[:MAX_DECODED])


def _decode(kind: Unseen, characters: list[str]) -> str:
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
