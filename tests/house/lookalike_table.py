"""Generate audit/base/core/lookalike_table.py: `make lookalikes`.

Sources: Unicode's confusables data (TR 39), as confusable-homoglyphs packages it, and
for Latin letters the Unicode names: a letter with a stroke or a hook, and a small
capital, resemble the letter that their name says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path

from confusable_homoglyphs.confusables import confusables_data

TABLE = Path(__file__).parents[2] / "audit/base/core/lookalike_table.py"
_PACKAGE = "confusable-homoglyphs"
# Letters as of Unicode 12, so that each Python has names for all of them.
_NAMED_LETTERS = (range(0xC0, 0x2B0), range(0x1D00, 0x1DC0), range(0x1E00, 0x1F00))
_MORE = (range(0x2C60, 0x2C80), range(0xA722, 0xA7C0), range(0x1F130, 0x1F200))
_BY_NAME = re.compile(
    # "C WITH BAR" looks like an epsilon.
    "LATIN (?:SMALL|CAPITAL) LETTER (?!C WITH BAR)([A-Z]) WITH .*"
    "|LATIN (?:SMALL|CAPITAL) LETTER OPEN ([E])"
    "|LATIN LETTER SMALL CAPITAL ([A-Z])"
    "|NEGATIVE (?:CIRCLED|SQUARED) LATIN CAPITAL LETTER ([A-Z])"
    "|REGIONAL INDICATOR SYMBOL LETTER ([A-Z])"
)
# Small chi, small soft sign, final sigma.
_BY_EYE = {"\u03c7": "x", "\u044c": "b", "\u03c2": "c"}
_LINE_LENGTH = 88
_QUOTES = str.maketrans("", "", "'\u02bc")
_DIRECTION = "\u200e"  # Stands around letters that are written from right to left.
_CLASSES = {
    text.strip(_DIRECTION): {like["c"].strip(_DIRECTION) for like in likes}
    for text, likes in confusables_data.items()
}


def confusable() -> dict[str, str]:
    """Return what TR 39 takes for ASCII letters and digits, lower case."""
    return _taken_for(_alike)


def resembling(known: Mapping[str, str]) -> dict[str, str]:
    """Return what resembles ASCII letters and digits else, lower case.

    A letter with a mark, as TR 39 describes it; a letter that has another's name, and
    what TR 39 takes for that one.
    """
    named = {
        character: match[match.lastindex or 0].lower()
        for character in map(chr, chain(*_NAMED_LETTERS, *_MORE))
        if (match := _BY_NAME.fullmatch(unicodedata.name(character, "")))
    }
    alike = {
        other: letter
        for character, letter in named.items()
        for other in _alike(character)
        if len(other) == 1 and other.isalnum()
    }
    found = alike | named | _taken_for(_alike_but_marks)
    found = {
        character: text
        for character, text in found.items()
        if character not in known and _is_unexplained(character)
    }
    return dict(sorted((found | _BY_EYE).items()))


def render() -> str:
    """Return the text of the table's module."""
    known = confusable()
    parts = {"CONFUSABLE": known, "RESEMBLING": resembling(known)}
    header = _HEADER.format(package=f"{_PACKAGE} {version(_PACKAGE)}")
    return header + "".join(_part(name, part) for name, part in parts.items())


def _is_unexplained(character: str) -> bool:
    """Return whether neither case, width nor accents lead to another letter."""
    if character.isascii() or unicodedata.combining(character):
        return False
    plain = unicodedata.normalize("NFKD", character)
    return plain == character or not any(map(str.isalnum, plain))


def _taken_for(alike: Callable[[str], set[str]]) -> dict[str, str]:
    """Return the shortest texts of ASCII letters and digits that characters are like.

    Letters before digits, capitals for capitals: I, l and 1 are all alike. A symbol
    stands for one letter at most.
    """
    found = {}
    for character in sorted(_CLASSES):
        if len(character) == 1 and _is_unexplained(character):
            most = 3 if character.isalnum() else 1
            texts = [
                text
                for text in alike(character)
                if text.isascii() and text.isalnum() and len(text) <= most
            ]
            if texts:
                best = min(texts, key=partial(_rank, character.isupper()))
                found[character] = best.lower()
    return found


def _rank(is_capital: bool, text: str) -> tuple[int, bool, bool, str]:
    return len(text), text.isdigit(), text.isupper() != is_capital, text


def _alike_but_marks(character: str) -> set[str]:
    return set(map(_without_marks, _alike(character))) if character.isalnum() else set()


def _without_marks(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text).translate(_QUOTES)
    return "".join(one for one in decomposed if not unicodedata.combining(one))


def _alike(character: str) -> set[str]:
    """Return all that TR 39 has in one class with a character."""
    found, new = set(), {character}
    while new:
        found |= new
        new = set().union(*(_CLASSES.get(text, ()) for text in new)) - found
    return found


def _part(name: str, part: Mapping[str, str]) -> str:
    by_text: dict[str, str] = {}
    for character, text in part.items():
        by_text[text] = by_text.get(text, "") + character
    lines = [f"{name}: Mapping[str, str] = {{"]
    for text, characters in sorted(by_text.items()):
        pieces = list(_wrapped(characters))
        line = f'    "{text}": {pieces[0]},'
        if len(pieces) == 1 and len(line) <= _LINE_LENGTH:
            lines.append(line)
        else:
            lines += [
                f'    "{text}": (',
                *(f"        {one}" for one in pieces),
                "    ),",
            ]
    return "\n".join([*lines, "}", ""])


def _wrapped(characters: str) -> Iterator[str]:
    line = ""
    for character in characters:
        escaped = character.encode("ascii", "backslashreplace").decode()
        if len(line) + len(escaped) > _LINE_LENGTH - 10:
            yield f'"{line}"'
            line = ""
        line += escaped
    yield f'"{line}"'


_HEADER = '''\
"""Characters that are taken for ASCII letters and digits. Generated: make lookalikes.

CONFUSABLE is Unicode's confusables data without what case, width or accents explain,
from {package}. Copyright 1991-2024 Unicode, Inc., under the
Unicode License v3, https://www.unicode.org/license.txt. RESEMBLING are letters with
marks, letters that the name of another one describes, and a few by eye.
"""

from __future__ import annotations

from collections.abc import Mapping

'''

if __name__ == "__main__":
    TABLE.write_text(render())
