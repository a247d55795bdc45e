"""Canonical JSON: one value, one spelling. Source: RFC 8785 (JCS)."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from decimal import Decimal

# Doubles hold every whole number up to here, so every reader agrees on it (RFC 7493).
SAFE_INTEGER = 2**53 - 1
_SCALARS = frozenset({bool, int, str, type(None)})
_BEYOND_BMP = "\U00010000"
# Above and below these exponents ECMAScript writes a number with one.
_EXPONENTS = range(-6, 21)

_encode = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode


def canonical(value: object) -> bytes:
    """Return the canonical JSON of a value, as UTF-8.

    Takes None, bool, int, float, str, list, tuple and mappings with text keys, to any
    depth. A whole number beyond 2^53 - 1, for which RFC 8785 has no spelling, keeps all
    of its digits. Raises ValueError for NaN and infinities, TypeError for anything
    else, UnicodeEncodeError (a ValueError) for a lone surrogate.
    """
    # Python's own encoder agrees with the RFC but for floats and keys beyond the BMP.
    text = _encode(value) if _is_plain(value) else _spell(value)
    return text.encode()


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_is_plain_key, value)) and _are_plain(value.values())
    if isinstance(value, (list, tuple)):
        return _are_plain(value)
    return value is None or isinstance(value, (str, int))


def _are_plain(values: Collection[object]) -> bool:
    kinds = {type(value) for value in values}
    return kinds <= _SCALARS or all(map(_is_plain, values))


def _is_plain_key(key: object) -> bool:
    return isinstance(key, str) and (key.isascii() or max(key) < _BEYOND_BMP)


def _spell(value: object) -> str:
    if isinstance(value, Mapping):
        items = sorted(value.items(), key=_utf16)
        spelled = (f"{_encode(key)}:{_spell(item)}" for key, item in items)
        return f"{{{','.join(spelled)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_spell, value))}]"
    if isinstance(value, float):
        return _number(value)
    return _encode(value)


def _utf16(item: tuple[object, object]) -> bytes:
    key = item[0]
    if not isinstance(key, str):
        raise TypeError(f"A key must be text, not {type(key).__name__}.")
    return key.encode("utf-16-be")


def _number(value: float) -> str:
    """Spell a double as ECMAScript does: the shortest digits that give it back."""
    if not math.isfinite(value):
        raise ValueError("JSON has no NaN and no infinity.")
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - only of NaN it is a letter.
    text = "".join(map(str, digits))
    point = len(text) + exponent  # The decimal point stands before this digit.
    if point - 1 not in _EXPONENTS:
        fraction = f".{text[1:]}" if len(text) > 1 else ""
        spelled = f"{text[0]}{fraction}e{point - 1:+d}"
    elif point <= 0:
        spelled = f"0.{'0' * -point}{text}"
    elif exponent >= 0:
        spelled = text + "0" * exponent
    else:
        spelled = f"{text[:point]}.{text[point:]}"
    return f"-{spelled}" if sign else spelled
