"""A subset of regular expressions that cannot hang, for patterns that others write.

Literals, classes, anchors, groups and alternatives; quantifiers on single characters
only, and so few of them that the worst case stays within a million steps.
"""

from __future__ import annotations

import re

MAX_LENGTH = 200
# Texts longer than this are never matched; the caller reports them instead.
MAX_TEXT = 1_000
MAX_STEPS = 1_000_000
MAX_REPEAT = 1_000

_CLASS = re.compile(r"\[\^?(?:[^\[\]\\]|\\[dwsDWS\\\]\[^./+*?(){}|$-])+\]")
_ESCAPE = re.compile(r"\\[dwsDWS\\./+*?()\[\]{}|^$-]")
_QUANTIFIER = re.compile(r"[*+?]|\{(\d{1,4})(?:(,)(\d{1,4})?)?\}")
_SPECIAL = frozenset("*+?{}()[]|\\^$")


class PatternRefused(ValueError):
    """The pattern is not of the subset; the text says why."""


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a pattern to `search` with, matching in at most MAX_STEPS steps.

    Means what ECMA 262 means: classes are ASCII and `$` is the very end of the text,
    where Python's own would let a newline follow. Raises PatternRefused.
    """
    if len(pattern) > MAX_LENGTH:
        raise PatternRefused(f"A pattern has at most {MAX_LENGTH} characters.")
    reader = _Reader(pattern)
    steps = reader.alternatives()
    if reader.position != len(pattern):
        raise PatternRefused("A parenthesis closes nothing.")
    if not (pattern.startswith("^") and reader.branches == 1):
        steps *= MAX_TEXT
    if steps > MAX_STEPS:
        raise PatternRefused("The pattern could take too long on some texts.")
    try:
        return re.compile("".join(reader.translated), re.ASCII)
    except re.error:
        raise PatternRefused("The pattern is not a regular expression.") from None


class _Reader:
    """Recursive descent over one pattern; each method returns its worst-case steps."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.position = 0
        self.depth = 0
        self.branches = 0
        self.translated: list[str] = []

    def alternatives(self) -> int:
        steps = self.sequence()
        branches = 1
        while self._take("|"):
            steps += self.sequence()
            branches += 1
        if self.depth == 0:
            self.branches = branches
        return steps

    def sequence(self) -> int:
        steps = 1
        while self.position < len(self.pattern):
            if self.pattern[self.position] in "|)":
                break
            steps *= self._item()
        return steps

    def _item(self) -> int:
        if self._take("("):
            return self._group()
        for anchor, meaning in (("^", "^"), ("$", r"\Z")):
            if self.pattern[self.position] == anchor:
                self._emit(1, meaning)
                return 1
        self._character()
        return self._quantifier()

    def _group(self) -> int:
        if not self._take("?:") and self.pattern.startswith("?", self.position):
            raise PatternRefused("Look-around and named groups are not allowed.")
        self.depth += 1
        if self.depth > 5:
            raise PatternRefused("Groups are nested too deep.")
        steps = self.alternatives()
        self.depth -= 1
        if not self._take(")"):
            raise PatternRefused("A parenthesis is not closed.")
        if self._take("?"):
            return steps + 1
        if _QUANTIFIER.match(self.pattern, self.position):
            raise PatternRefused("A group cannot be repeated.")
        return steps

    def _character(self) -> None:
        for known in (_CLASS, _ESCAPE):
            if match := known.match(self.pattern, self.position):
                self._emit(len(match[0]), match[0])
                return
        character = self.pattern[self.position]
        if character in _SPECIAL:
            raise PatternRefused(f"{character!r} is not allowed here.")
        self._emit(1, character)

    def _quantifier(self) -> int:
        match = _QUANTIFIER.match(self.pattern, self.position)
        if match is None:
            return 1
        self._emit(len(match[0]), match[0])
        if match[0] == "?":
            return 2
        if match[0] in "*+":
            return MAX_TEXT
        least = int(match[1])
        most = least if match[2] is None else int(match[3] or MAX_REPEAT)
        if not least <= most <= MAX_REPEAT:
            raise PatternRefused(f"A repetition is at most {MAX_REPEAT}.")
        return most - least + 1

    def _take(self, text: str) -> bool:
        if not self.pattern.startswith(text, self.position):
            return False
        self._emit(len(text), text)
        return True

    def _emit(self, length: int, text: str) -> None:
        self.position += length
        self.translated.append(text)
