"""Merchant names: when two are the same, and when one pretends to be another."""

from __future__ import annotations

import re
import unicodedata

from audit.base.core.joiners import without_joiners
from audit.base.core.lookalikes import LOOKS, Looks
from audit.base.core.visible import hides_characters

NAME_LENGTH_MIN = 2
NAME_LENGTH_MAX = 200

_SPACES = re.compile(r"\s+")


def merchant_key(name: str) -> str:
    """Return what two spellings of one merchant share: width, case, inner spacing.

    Also joiners and selectors that the name needs. Look-alike letters, other invisible
    characters and outer spaces stay different: a name that carries them is not on
    anybody's list. Unicode 3.13, D146 (caseless match); UAX 31, 2.3 (joiners).
    """
    key = _folded(without_joiners(name))
    while (bare := without_joiners(key)) != key:  # Folding may bring others together.
        key = _folded(bare)
    return key


def is_merchant_name(name: str) -> bool:
    """Return whether a name and its key have 2 to 200 characters.

    Folding can lengthen a name (one Arabic ligature becomes 18 letters).
    """
    return (
        NAME_LENGTH_MIN <= len(name) <= NAME_LENGTH_MAX
        and len(merchant_key(name).strip()) >= NAME_LENGTH_MIN
        and len(merchant_key(name)) <= NAME_LENGTH_MAX
    )


def is_suspicious_merchant(name: str, looks: Looks = LOOKS) -> bool:
    """Return whether a name hides characters, mixes scripts or imitates Latin ones."""
    return name != name.strip() or hides_characters(name) or looks.is_disguised(name)


def ascii_name(name: str) -> str:
    r"""Return the name with all that is not printable ASCII escaped (\u0430)."""
    return "".join(
        character
        if character.isascii() and character.isprintable()
        else character.encode("ascii", "backslashreplace").decode()
        if not character.isascii()
        else f"\\x{ord(character):02x}"
        for character in name
    )


def _folded(name: str) -> str:
    folded = unicodedata.normalize("NFD", name).casefold()
    folded = unicodedata.normalize("NFKD", folded).casefold()
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", folded))
