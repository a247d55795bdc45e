"""Masking: what must never be read back from a log, an event or a mail.

Source: Security Considerations, "Data masking".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate
from typing import Any, overload

from audit.base.errors import SensitiveDataRefused

HIDDEN = "****"
MAX_DEPTH = 64
KEY_MAX = 200

# Key names are compared in lower case with everything but letters and digits left
# out, so that card_number, cardNumber and Card-Number are one name.
_CODE_KEY = re.compile(
    r"(?:cvv2?|cvc2?|securitycode|cardverification)(?:code|number|value)?\Z"
)
_HIDDEN_KEY = re.compile(
    r"password|passwd|passphrase|secret|apikey|privatekey|signingkey|encryptionkey"
    r"|cookie|authorization\Z|credentials\Z|(?:token|signature|recoverycode)s?\Z"
    r"|tokenhash\Z|\A(?:otp|totp|pin|pwd|jwt|bearer)\Z"
)
_LAST_FOUR_KEY = re.compile(
    r"cardn(?:o|um|umber)\Z|(?:credit|debit)card\Z|\A(?:pan|iban)\Z|ccnumber\Z"
    r"|primaryaccountnumber\Z|ssn\Z|socialsecurity(?:no|number)?\Z|accountnumber\Z"
)
_NOT_ALNUM = re.compile(r"[\W_]+")

# Shapes of our own ids, UUIDs and SHA-256 digests: long digits, never cards.
_IDENTIFIER = (
    r"(?<![0-9A-Za-z])(?:[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}|[0-9a-f]{64}"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?![0-9A-Za-z])"
)
# Every quantifier is possessive or bounded, so that matching takes linear time.
_NINE_DIGITS = re.compile(r"(?:\d\D{0,3}+){9}")
_GAP = r"[ \-\u00a0\u2010-\u2015]"
_DIGIT_RUN = re.compile(rf"(?P<identifier>{_IDENTIFIER})|\d++(?:{_GAP}{{1,3}}+\d++)*+")
_GROUP = re.compile(r"\d+")
_SSN = re.compile(r"(?<![\d*])\d{3}([- ])\d{2}\1(\d{4})(?!\d)")
_SECRET = re.compile(
    r"(?<![\w-])eyJ[\w-]++\.[\w-]++\.[\w-]*+"  # A JSON Web Token.
    r"|(?i:(?P<scheme>\b(?:bearer|basic) )[\w.~+/=-]{8,}+)"
    r"|(?i:(?P<name>(?:password|passwd|passphrase|secret|token|api_?key|cvv2?|cvc2?)"
    r"(?:=|\"\s{0,4}+:\s{0,4}+\"))[^\s\"&,;]++)"
)
_MASKED = re.compile(r"\*{4}\w{0,4}\Z")
_CARD_LENGTHS = range(13, 20)
_BEYOND_CARDS = 10**20
_PLAIN = re.compile(r"[A-Za-z_]{0,40}\Z")  # Most texts: spare them the rest.

LuhnSums = tuple[list[int], list[int]]


@overload
def mask(value: str) -> str: ...
@overload
def mask(value: Mapping[str, object]) -> dict[str, Any]: ...
@overload
def mask(value: object) -> Any: ...
def mask(value: object) -> Any:
    """Return the value in the same shape with nothing sensitive left in it.

    By key: card numbers, SSNs and account numbers keep at most the last four
    characters, secrets nothing. In free text: Luhn-valid card numbers of 13 to 19
    digits and SSNs keep the last four; tokens nothing. A value whose key has more than
    KEY_MAX characters keeps nothing. What a database cannot store (NUL, lone
    surrogates) is replaced. Idempotent; linear in the size of the value.

    Raises SensitiveDataRefused when a key names a card's security code.
    """
    return _mask(value, _mask_text, 0)


def _mask(value: object, leaf: Callable[[str], str], depth: int) -> Any:
    if depth > MAX_DEPTH:
        return HIDDEN
    if isinstance(value, Mapping):
        return {
            _mask_text(str(key)): _mask_item(str(key), item, leaf, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_mask(item, leaf, depth + 1) for item in value]
    if isinstance(value, str):
        return leaf(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return HIDDEN
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return _mask_number(value, leaf)
    return value


def _mask_item(
    key: str, value: object, leaf: Callable[[str], str], depth: int
) -> object:
    # A longer key could name a secret anywhere, and to search it takes too long.
    kind = _kind_of(key) if len(key) <= KEY_MAX else "hidden"
    if kind is None or value is None or value == "" or isinstance(value, bool):
        return _mask(value, leaf, depth)
    if kind == "code":
        raise SensitiveDataRefused(pointer=f"/{key}")
    if kind == "hidden" or leaf is _hide:
        return _mask(value, _hide, depth)
    return _mask(value, _last_four, depth)


@lru_cache(maxsize=1024)
def _kind_of(key: str) -> str | None:
    name = _NOT_ALNUM.sub("", key).lower()
    if _CODE_KEY.search(name):
        return "code"
    if _HIDDEN_KEY.search(name):
        return "hidden"
    if _LAST_FOUR_KEY.search(name):
        return "last_four"
    return None


def _mask_number(value: float | Decimal, leaf: Callable[[str], str]) -> object:
    """Mask a number only when its digits say so; anything else stays a number."""
    is_finite = isinstance(value, int) or math.isfinite(value)
    is_short = is_finite and -_BEYOND_CARDS < value < _BEYOND_CARDS
    if leaf is not _mask_text:
        return leaf(str(value)) if is_short else HIDDEN
    if not is_short or value != int(value):
        return value
    text = str(int(value))
    masked = leaf(text)
    return value if masked == text else masked


def _hide(text: str) -> str:
    return HIDDEN


def _last_four(text: str) -> str:
    if _MASKED.match(text):
        return text
    characters = _NOT_ALNUM.sub("", text)
    # Of a short value the last four would be most of it.
    return HIDDEN + characters[-4:] if len(characters) >= 9 else HIDDEN


def _mask_text(text: str) -> str:
    if _PLAIN.match(text):
        return text
    if "\x00" in text:
        text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if not text.isascii():
        text = text.encode(errors="replace").decode()
    if _NINE_DIGITS.search(text):
        text = _DIGIT_RUN.sub(_mask_run, text)
        text = _SSN.sub(rf"{HIDDEN}\2", text)
    return _SECRET.sub(_mask_secret, text)


def _mask_secret(match: re.Match[str]) -> str:
    return f"{match['name'] or match['scheme'] or ''}{HIDDEN}"


def _mask_run(match: re.Match[str]) -> str:
    """Mask the card numbers in a run of digit groups, each from group to group."""
    run = match[0]
    if match["identifier"] is not None:
        return run
    groups, gaps = _GROUP.findall(run), _GROUP.split(run)[1:]
    ends = list(accumulate(map(len, groups)))
    digits = "".join(groups)
    sums = _luhn_sums(digits)
    parts: list[str] = []
    index, start = 0, 0
    while index < len(groups):
        last = _card_end(sums, ends, index, start)
        if last is None:
            parts += groups[index], gaps[index]
            start = ends[index]
            index += 1
        else:
            # With what follows, the last four may begin another: look again.
            index, start = last, ends[last] - 4
            groups[last] = HIDDEN + digits[start : start + 4]
    return "".join(parts)


def _card_end(sums: LuhnSums, ends: list[int], index: int, start: int) -> int | None:
    """Return the last group of the longest card number that begins at digit `start`."""
    found = None
    for group in range(index, len(ends)):
        end = ends[group]
        if end - start > _CARD_LENGTHS[-1]:
            break
        sum_to = sums[end % 2]
        if end - start in _CARD_LENGTHS and (sum_to[end] - sum_to[start]) % 10 == 0:
            found = group
    return found


def _luhn_sums(digits: str) -> LuhnSums:
    """Return running Luhn sums for numbers that end at an even and an odd digit.

    From them any stretch is checked in one subtraction, however many there are.
    """
    values = [int(digit) for digit in digits]
    doubled = [sum(divmod(2 * value, 10)) for value in values]
    pairs = list(zip(values, doubled, strict=True))
    even = [pair[place % 2 == 0] for place, pair in enumerate(pairs)]
    odd = [pair[place % 2] for place, pair in enumerate(pairs)]
    return [0, *accumulate(even)], [0, *accumulate(odd)]
