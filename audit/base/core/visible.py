"""What others wrote, so that people see each character of it."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from audit.base.core.joiners import needed_places

Unseen = Literal[
    "tag", "variation_selector", "bidi", "zero_width", "control", "blank", "unknown"
]

# Of category Cf, but they are drawn: number signs of Arabic, Syriac and Kaithi.
_DRAWN = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2"
    "\U000110bd\U000110cd"
)
_BIDI = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
# What shows nothing although its category says otherwise.
BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2065\u3164\uffa0")
_BRAILLE_BLANK = "\u2800"
# Mongolian writing needs them, and nothing here knows where.
_MONGOLIAN_SELECTORS = frozenset("\u180b\u180c\u180d\u180f")
_ODD = re.compile(r"[^ -~]")


def visible(text: str, *, keep: str = "") -> str:
    """Return a text with all that shows nothing written out: \u27e6U+202E\u27e7.

    Also what would turn or hide the text around it, so that a text reads as it is
    stored. What scripts and emoji need stays, and `keep`, such as line feeds.
    """
    needed = needed_places(text)

    def written_out(found: re.Match[str]) -> str:
        character = found[0]
        is_plain = character in keep or found.start() in needed
        if is_plain or not is_unseen(character):
            return character
        return f"\u27e6U+{ord(character):04X}\u27e7"

    return _ODD.sub(written_out, text)


def is_readable(name: str) -> bool:
    """Return whether every character of a name can be seen: no control, none hidden.

    Nor spaces around it, which would make two names look the same.
    """
    return bool(name) and name == name.strip() and not hides_characters(name)


def hides_characters(text: str) -> bool:
    """Return whether a text has characters that show nothing and that it does not need.

    Joiners and selectors where a script or an emoji uses them are needed.
    """
    unseen = {at for at, character in enumerate(text) if is_unseen(character)}
    return bool(unseen) and not unseen <= needed_places(text)


def is_plain_text(text: str) -> bool:
    """Return whether every character of a text can be seen; lines and tabs are allowed.

    As forms send them, a line may end with CR LF; a CR alone would hide its line.
    """
    text = text.replace("\r\n", "\n")
    return visible(text, keep="\n\t") == text


def is_unseen(character: str) -> bool:
    """Return whether a character shows nothing by itself."""
    is_mongolian = character in _MONGOLIAN_SELECTORS
    return not is_mongolian and unseen_kind(character) is not None


def unseen_kind(character: str) -> Unseen | None:
    """Return what kind of character that shows nothing this is, or None.

    "unknown" is private or unassigned: some fonts draw it, such as emoji newer than
    this Python.
    """
    code = ord(character)
    if 0xE0100 <= code <= 0xE01EF or 0xFE00 <= code <= 0xFE0F:
        return "variation_selector"
    if 0xE0000 <= code <= 0xE0FFF:
        return "tag"
    if character in _BIDI:
        return "bidi"
    if character in BLANKS or character in _MONGOLIAN_SELECTORS:
        return "zero_width"
    if character == _BRAILLE_BLANK:
        return "blank"
    category = unicodedata.category(character)
    if category in {"Cc", "Cs", "Zl", "Zp"} or code & 0xFFFE == 0xFFFE:
        return "control"
    if category == "Cf" and character not in _DRAWN:
        return "zero_width"
    return "unknown" if category in {"Co", "Cn"} else None
