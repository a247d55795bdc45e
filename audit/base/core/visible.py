"""What others wrote, so that people see each character of it."""

from __future__ import annotations

import re
import unicodedata

from audit.base.core.joiners import needed_places

# Controls, formats (zero-width, soft hyphen, bidi, tags), surrogates, private use,
# unassigned, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Of category Cf, but they are drawn: number signs of Arabic, Syriac and Kaithi.
DRAWN = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2"
    "\U000110bd\U000110cd"
)
# Letters and marks that show nothing although their category says otherwise.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
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
    return character not in DRAWN and (
        unicodedata.category(character) in _UNSEEN
        or character in _BLANKS
        or "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
    )
