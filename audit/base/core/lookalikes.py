"""What a reader takes for something else: how names and texts look.

After Unicode TR 39, section 4. Each version of the decision engine keeps its tables, so
that stored decisions can be derived again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from audit.base.core import lookalike_table_2 as engine_2
from audit.base.core.joiners import script_of
from audit.base.core.lookalike_table import CONFUSABLE, RESEMBLING
from audit.base.core.visible import BLANKS

# Digits written for letters in names, and i for l in either case.
_FOLDED = str.maketrans("0134578i", "oleastbl")
_LETTER_PAIRS = (("rn", "m"), ("vv", "w"))


@dataclass(frozen=True, eq=False, repr=False)
class Looks:
    """The characters that one version of the decision engine takes for others.

    `names` and `texts` map characters to the ASCII that they look like. `disguises` are
    letters of names that are written for Latin ones, `mixed` those of texts. `digits`
    is what is written for letters in texts. `one_stroke`: whether l, I and 1, and O and
    0, are one in texts.
    """

    names: Mapping[int, str]
    texts: Mapping[int, int | str]
    disguises: frozenset[str]
    mixed: frozenset[str]
    digits: Mapping[int, int]
    one_stroke: bool

    def skeleton(self, name: str) -> str:
        """Return what all names that can be taken for this one share.

        Accents, case, blanks, punctuation and hidden characters go, look-alikes become
        one. For comparing only: two merchants may share one, and often do by chance.
        """
        shown = self._letters(name)
        folded = self._letters(shown.casefold()).translate(_FOLDED)
        for pair, letter in _LETTER_PAIRS:
            folded = folded.replace(pair, letter)
        return folded or name

    def text_skeleton(self, text: str) -> str:
        """Return how a text looks to a reader, for comparing: look-alikes made equal.

        Without combining marks, case folded, runs of spaces as one. Lines stay.
        """
        looks = text
        if not text.isascii():
            # Before NFKD, which decomposes some characters that look like a letter.
            plain = unicodedata.normalize("NFKD", text.translate(self.texts))
            bare = "".join(one for one in plain if not unicodedata.combining(one))
            looks = unicodedata.normalize("NFKC", bare).translate(self.texts)
        looks = looks.casefold()
        return "\n".join(" ".join(line.split()) for line in looks.split("\n"))

    def mixes_scripts(self, text: str) -> bool:
        """Return whether an ASCII letter stands beside one that is written for it."""
        return not text.isascii() and self._mixed.search(text) is not None

    def is_disguised(self, name: str) -> bool:
        """Return whether a name is written in look-alikes, or mixes scripts.

        Scripts that are written together may be mixed.
        """
        letters = "".join(filter(str.isalpha, name))
        if not letters or letters.isascii():
            return False
        if all(letter in self.disguises for letter in letters):
            return True
        scripts = {self._script(letter) for letter in letters}
        return len(scripts) > 1 and not any(
            scripts <= together for together in _WRITTEN_TOGETHER
        )

    def _letters(self, text: str) -> str:
        """Return the letters and digits that a text looks like, without accents."""
        plain = unicodedata.normalize("NFKD", text.translate(self.names))
        shown = plain.translate(self.names)
        return "".join(filter(str.isalnum, shown))

    def _script(self, letter: str) -> str:
        """Return the script; of a letter in full width, that of the plain one."""
        script = script_of(unicodedata.normalize("NFKD", letter)[0])
        return "DISGUISE" if script == "LATIN" and letter in self.disguises else script

    @cached_property
    def _mixed(self) -> re.Pattern[str]:
        letters = "".join(sorted(self.mixed))
        return re.compile(rf"[a-zA-Z][{letters}]|[{letters}][a-zA-Z]")


# Scripts that are written together: Unicode TR 39, "highly restrictive".
_WRITTEN_TOGETHER = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)


def _by_character(*tables: Mapping[str, str]) -> dict[str, str]:
    return {
        character: text
        for text, characters in chain(*(table.items() for table in tables))
        for character in characters
    }


def _stands_for_latin(character: str) -> bool:
    """Return whether a letter beside Latin ones is there for its look.

    Not if its script has no case: Hebrew writes prefixes before Latin names. Nor for
    more Greek letters, which formulas have beside Latin ones.
    """
    name = unicodedata.name(character, "")
    return (
        unicodedata.category(character) in ("Lu", "Ll")
        and not name.startswith(("LATIN", "GREEK"))
        and len(_TABLE[ord(character)]) == 1
    )


_TABLE = str.maketrans(
    _by_character(CONFUSABLE, RESEMBLING)
    | {blank: "" for blank in BLANKS if blank.isalpha()}
    | {"\u2800": " "}
)
# Nobody writes names in small capitals but for their look.
_SMALL_CAPITALS = frozenset(
    character
    for character in map(chr, _TABLE)
    if "SMALL CAPITAL" in unicodedata.name(character, "")
)
LOOKS = Looks(
    names=_TABLE | {ord("|"): "l"},
    texts=_TABLE,
    # Ordinary words of Cyrillic and Greek consist of the other look-alikes.
    disguises=_SMALL_CAPITALS.union(engine_2.DISGUISES),
    mixed=_SMALL_CAPITALS.union(
        engine_2.MIXED, filter(_stands_for_latin, map(chr, _TABLE))
    ),
    digits=str.maketrans("013457$@|", "oieastsal"),
    one_stroke=True,
)
LOOKS_2 = Looks(
    names=str.maketrans(_by_character(engine_2.TAKEN_FOR)),
    texts=engine_2.TEXTS,
    disguises=frozenset(engine_2.DISGUISES),
    mixed=frozenset(engine_2.MIXED),
    digits=str.maketrans("013457$@", "oieastsa"),
    one_stroke=False,
)
