"""Closed sets of words that inputs take: what is allowed, and what may be meant."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

# Of a longer set an error names only the words that are nearest to what was given.
ALLOWED_MAX = 300
NEAREST_MAX = 10
MEANT_MAX = 3
# A comparison takes time for each character, and no word of ours is longer.
COMPARED_LENGTH = 60
_ALIKE, _NEAR = 0.7, 0.3
_SEPARATORS = re.compile(r"[\s_\-/&.]+")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that an input takes; `aliases` are other names of some of them.

    `page` is the last part of the address of the page that lists them, "" for a set
    that an error names whole.
    """

    words: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    page: str = ""

    def __deepcopy__(self, memo: object) -> Vocabulary:
        return self

    @property
    def address(self) -> str:
        """The address of the page that lists the words, "" for none."""
        return self.page and f"/docs/vocabularies/{self.page}/"

    def meant_by(self, given: object) -> list[str]:
        """Return up to three words that a text nearly is, the likeliest first."""
        return self._near(given, MEANT_MAX, _ALIKE)

    def suggestions(self, given: object) -> dict[str, Any]:
        """Return what an error says of the set: `allowed`, `did_you_mean`, its page."""
        found: dict[str, Any] = {"allowed": list(self.words)}
        if len(self.words) > ALLOWED_MAX:
            found["allowed"] = self._near(given, NEAREST_MAX, _NEAR)
            found["allowed_total"] = len(self.words)
        return found | {"did_you_mean": self.meant_by(given)} | self.seen()

    def seen(self) -> dict[str, Any]:
        """Return where all words are listed; what an error says that says no more."""
        return {"see": self.address} if self.page else {}

    def _near(self, given: object, most: int, alike: float) -> list[str]:
        if not isinstance(given, str):
            return []
        known = {_folded(word): word for word in self.words}
        known |= {_folded(alias): word for alias, word in self.aliases.items()}
        text = _folded(given[:COMPARED_LENGTH])
        # "Web hosting services" holds a word, as "tool_output" holds "tool": neither is
        # alike to the other as a whole.
        named = [part for part in (text, *text.split("_")) if part in known]
        named += [name for name in known if text in name.split("_")]
        found = [*named, *get_close_matches(text, known, most * 3, alike)]
        return list(dict.fromkeys(known[name] for name in found))[:most]


class Unlisted(str):
    """The code of an error about a word of no vocabulary: it carries both.

    A code passes through REST framework's errors and our own as it is, so that the
    one place that writes a problem document can name what is allowed.
    """

    vocabulary: Vocabulary
    given: object

    def __new__(cls, code: str, vocabulary: Vocabulary, given: object) -> Unlisted:
        unlisted = super().__new__(cls, code)
        unlisted.vocabulary, unlisted.given = vocabulary, given
        return unlisted

    def __deepcopy__(self, memo: object) -> Unlisted:
        return self


def _folded(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().strip()
    return _SEPARATORS.sub("_", folded)
