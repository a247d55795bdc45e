"""What others wrote, so that people see each character of it."""

from __future__ import annotations

import re
import unicodedata

# Controls, formats (zero-width, soft hyphen, bidi, tags), surrogates, private use,
# unassigned, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and marks that show nothing although their category says otherwise.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# Which of two ways an emoji is drawn: it stands behind a good part of them.
_PRESENTATIONS = frozenset("\ufe0e\ufe0f")
_ODD = re.compile(r"[^ -~]")


def visible(text: str, *, keep: str = "") -> str:
    """Return a text with all that shows nothing written out: \u27e6U+202E\u27e7.

    Also what would turn or hide the text around it, so that a text reads as it is
    stored. `keep` holds characters that stay, such as line feeds.
    """

    def written_out(found: re.Match[str]) -> str:
        character = found[0]
        is_plain = character in keep or character in _PRESENTATIONS
        if is_plain or not is_unseen(character):
            return character
        return f"\u27e6U+{ord(character):04X}\u27e7"

    return _ODD.sub(written_out, text)


def is_readable(name: str) -> bool:
    """Tell whether a name shows all that it is: no control, nothing unseen or turned.

    Nor spaces around it, by which two names would look the same.
    """
    return bool(name) and name == name.strip() and not any(map(is_unseen, name))


def is_unseen(character: str) -> bool:
    """Tell whether a character shows nothing by itself."""
    return (
        unicodedata.category(character) in _UNSEEN
        or character in _BLANKS
        or "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
    )
