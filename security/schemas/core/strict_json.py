"""JSON, strictly: what two parsers could read differently is refused."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_DIGITS = 40
# 1e400 is a number of four characters; as an integer it would be 400 digits.
MAX_EXPONENT = 100

# A string, ended or not: it must match wherever a quote stands, so that no quote
# is tried twice and the scan stays linear.
_STRING = re.compile(rb'"(?:[^"\\]++|\\[\s\S]?)*+"?')
_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_UNCLEAN = re.compile("[\x00\ud800-\udfff]")


class JsonRefused(ValueError):
    """The bytes are not JSON of the strict kind; the text says why.

    `pointer` (RFC 6901) names the value that is at fault; empty: none by itself.
    """

    pointer = ""


class JsonTooLarge(JsonRefused):
    """There are more bytes than are read."""


def parse_json(body: bytes) -> Any:
    """Return the JSON value of a body; numbers are int or Decimal, never float.

    Raises JsonRefused on more than 256 KiB, nesting deeper than 32, duplicate keys, NaN
    and Infinity, numbers over 40 digits or beyond 1e100, NUL, lone surrogates, a byte
    order mark, and any other encoding than UTF-8. Linear.
    """
    if len(body) > MAX_BYTES:
        raise JsonTooLarge(f"This is larger than {MAX_BYTES} bytes.")
    if body.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise JsonRefused("This starts with a byte order mark.")
    # Before parsing: the parser itself recurses, and 200,000 levels end the worker.
    _require_shallow(body)
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_decimal,
            parse_constant=_constant,
        )
    except UnicodeDecodeError:
        raise JsonRefused("This is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise JsonRefused(
            f"This is not JSON: {error.msg} at line {error.lineno},"
            f" column {error.colno}."
        ) from None
    _require_fit(value)
    return value


def parse_json_text(text: str) -> Any:
    """Return parse_json() of a text, as forms have it."""
    return parse_json(text.encode("utf-8", "surrogatepass"))


def _require_shallow(body: bytes) -> None:
    # Each round takes the innermost pairs away: what is left is deeper, or not closed.
    brackets = _STRING.sub(b"", body).translate(_SQUARE, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    if b"[]" in brackets or brackets.count(b"[") > MAX_DEPTH:
        raise JsonRefused(f"This is nested deeper than {MAX_DEPTH} levels.")


@dataclass(frozen=True, slots=True)
class _Unfit:
    """Stands for a value that is refused, until the place where it stands is known."""

    detail: str


_TOO_LONG = _Unfit(f"A number has more than {MAX_DIGITS} digits.")
_OUT_OF_RANGE = _Unfit("A number is out of range.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Unfit:
    found = dict(pairs)
    if len(found) != len(pairs):
        return _Unfit("An object has the same key twice.")
    return found


def _integer(digits: str) -> int | _Unfit:
    return _TOO_LONG if len(digits) > MAX_DIGITS else int(digits)


def _decimal(digits: str) -> Decimal | _Unfit:
    if len(digits) > MAX_DIGITS:
        return _TOO_LONG
    try:
        number = Decimal(digits)
    except InvalidOperation:
        return _OUT_OF_RANGE
    exponent = number.as_tuple().exponent
    if abs(number.adjusted()) > MAX_EXPONENT or abs(int(exponent)) > MAX_EXPONENT:
        return _OUT_OF_RANGE
    return number


def _constant(name: str) -> _Unfit:
    return _Unfit(f"{name} is not JSON.")


def _require_fit(value: Any) -> None:
    """Recurses at most MAX_DEPTH deep; checked before."""
    if isinstance(value, str):
        _require_clean_text(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            _require_clean_text(key)
            try:
                _require_fit(item)
            except JsonRefused as refused:
                step = key.replace("~", "~0").replace("/", "~1")
                refused.pointer = f"/{step}{refused.pointer}"
                raise
    elif isinstance(value, list):
        for index, item in enumerate(value):
            try:
                _require_fit(item)
            except JsonRefused as refused:
                refused.pointer = f"/{index}{refused.pointer}"
                raise
    elif isinstance(value, _Unfit):
        raise JsonRefused(value.detail)


def _require_clean_text(text: str) -> None:
    found = _UNCLEAN.search(text)
    if found is None:
        return
    if found[0] == "\x00":
        raise JsonRefused("A text contains NUL.")
    raise JsonRefused("A text contains half of a surrogate pair.")
