"""Regular expressions as ECMA 262 writes them, matched by RE2 in linear time.

JSON Schema's patterns are ECMA's. RE2 reads a similar language: what both have and
mean differently is translated, what only one of them has is refused.
Source: ECMA 262, 22.2.1 (with the flag u); https://github.com/google/re2/wiki/Syntax.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import re2

MAX_LENGTH = 500
MAX_MEMORY = 1 << 18

_SPACE = (
    r"\t\n\v\f\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}"
    r"\x{3000}\x{feff}"
)
_NO_SPACE = (
    r"\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}"
    r"\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}"
    r"\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}"
)
_DIGITS = frozenset("0123456789")
_ANYTHING = r"\x{0}-\x{10ffff}"
_PROPERTIES = {
    "Letter": "L",
    "Lowercase_Letter": "Ll",
    "Uppercase_Letter": "Lu",
    "Mark": "M",
    "Number": "N",
    "Decimal_Number": "Nd",
    "Punctuation": "P",
    "Symbol": "S",
    "Separator": "Z",
    "Other": "C",
}
# One piece of a pattern: an escape, a bracket that opens, or any other character.
_PIECE = re.compile(
    r"""
    \\u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})
    | \\(?:u\{(?P<code>[0-9a-fA-F]{1,6})\} | u(?P<unit>[0-9a-fA-F]{4})
        | x(?P<byte>[0-9a-fA-F]{2}) | c(?P<control>[a-zA-Z]) | (?P<zero>0(?![0-9])))
    | \\(?P<sign>[pP])\{(?:(?:gc|General_Category|sc|Script)=)?(?P<name>\w+)\}
    | \\(?P<letter>[a-zA-Z0-9])
    | \\(?P<literal>.)
    | (?P<empty>\[\^?\])
    | \((?P<extension>\?(?:<?[=!]|<\w+>|.?)?)?
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


class PatternRefused(ValueError):
    """The pattern is not one that this module takes; the text says why and where."""


# 256 of at most some 0.5 MiB each.
@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Any:
    """Return a compiled pattern. Raises PatternRefused.

    `search(text)` takes at most `programsize` steps for each character of a text.

    Refused is what ECMA does not have, and look-around and back-references, which no
    linear-time engine has.
    """
    if len(pattern) > MAX_LENGTH:
        raise PatternRefused(f"A pattern has at most {MAX_LENGTH} characters.")
    options = re2.Options()
    options.max_mem = MAX_MEMORY
    options.log_errors = False
    try:
        return re2.compile(_translated(pattern), options)
    except re2.error as error:
        reason = error.args[0]
        text = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise PatternRefused(f"The pattern cannot be used: {text}.") from None


def _translated(pattern: str) -> str:
    """Return the pattern in RE2's language."""
    translated, in_class, position = list[str](), False, 0
    while match := _PIECE.match(pattern, position):
        if in_class and (match["empty"] or match[0].startswith("(")):
            piece, end = pattern[position], position + 1
        else:
            piece, end = match[0], match.end()
        if piece == "[" and in_class:
            translated.append(r"\[")
        elif piece in ("[", "]"):
            in_class = piece == "["
            translated.append(piece)
        elif in_class:
            translated.append(_in_class(match, piece))
        else:
            translated.append(_outside(match, piece))
        position = end
    return "".join(translated)


def _outside(match: re.Match[str], piece: str) -> str:
    if piece == ".":
        return r"[^\n\r\x{2028}\x{2029}]"
    if match["empty"]:
        return f"[{_ANYTHING}]" if piece == "[^]" else f"[^{_ANYTHING}]"
    if piece.startswith("("):
        return _group(match)
    if match["letter"] in ("s", "S"):
        return f"[{_SPACE if match['letter'] == 's' else _NO_SPACE}]"
    return _escape(match, allowed="dDwWbBtnvfr") if piece[0] == "\\" else piece


def _in_class(match: re.Match[str], piece: str) -> str:
    if piece[0] != "\\":
        return piece
    match match["letter"]:
        case "s":
            return _SPACE
        case "S":
            return _NO_SPACE
        case "b":
            return r"\x{8}"
    return _escape(match, allowed="dDwWtnvfr")


def _group(match: re.Match[str]) -> str:
    extension = match["extension"] or ""
    if extension in ("?=", "?!", "?<=", "?<!"):
        raise _refused(match, "Look-around cannot be matched in linear time")
    if extension in ("", "?:") or extension.endswith(">"):
        return "(?:"  # Nobody asks what a group matched.
    raise _refused(match, "This kind of group is not ECMA's")


def _escape(match: re.Match[str], *, allowed: str) -> str:
    """Return an escape that stands for one character or a set of them."""
    if (code := _code(match)) is not None:
        return rf"\x{{{code:x}}}"
    if match["sign"]:
        name = match["name"]
        return rf"\{match['sign']}{{{_PROPERTIES.get(name, name)}}}"
    if match["literal"]:
        return re.escape(match["literal"])
    letter = match["letter"] or ""
    if letter and letter in allowed:
        return rf"\{letter}"
    if letter in _DIGITS:
        raise _refused(match, "A back-reference cannot be matched in linear time")
    raise _refused(match, "This escape is not ECMA's")


def _code(match: re.Match[str]) -> int | None:
    """Return the code point that an escape names, if it names one."""
    if match["high"]:
        high, low = int(match["high"], 16), int(match["low"], 16)
        return 0x10000 + ((high - 0xD800) << 10) + low - 0xDC00
    if match["control"]:
        return ord(match["control"]) % 32
    if match["zero"]:
        return 0
    digits = match["code"] or match["unit"] or match["byte"]
    if digits is None:
        return None
    code = int(digits, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise _refused(match, "This is not a character")
    return code


def _refused(match: re.Match[str], why: str) -> PatternRefused:
    return PatternRefused(f"{why}: {match[0]} at character {match.start() + 1}.")
