"""JSON, strictly: what two parsers could read differently is refused."""

from __future__ import annotations

import codecs
import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

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
    """The bytes are not JSON of the strict kind; the text says why."""


def parse_json(body: bytes) -> Any:
    """Return the JSON value of a body; numbers are int or Decimal, never float.

    Raises JsonRefused on more than 256 KiB, nesting deeper than 32, duplicate keys, NaN
    and Infinity, numbers over 40 digits or beyond 1e100, NUL, lone surrogates, a byte
    order mark, and any other encoding than UTF-8. Linear.
    """
    if len(body) > MAX_BYTES:
        _refuse(f"The body is larger than {MAX_BYTES} bytes.")
    if body.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        _refuse("The body starts with a byte order mark.")
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
        _refuse("The body is not UTF-8.")
    except json.JSONDecodeError as error:
        _refuse(
            f"The body is not JSON: {error.msg} at line {error.lineno},"
            f" column {error.colno}."
        )
    _require_clean_texts(value)
    return value


def _require_shallow(body: bytes) -> None:
    # Each round takes the innermost pairs away: what is left is deeper, or not closed.
    brackets = _STRING.sub(b"", body).translate(_SQUARE, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    if b"[]" in brackets or brackets.count(b"[") > MAX_DEPTH:
        _refuse(f"The JSON is nested deeper than {MAX_DEPTH} levels.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse("An object has the same key twice.")
    return found


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        _refuse(f"A number has more than {MAX_DIGITS} digits.")
    return int(digits)


def _decimal(digits: str) -> Decimal:
    if len(digits) > MAX_DIGITS:
        _refuse(f"A number has more than {MAX_DIGITS} digits.")
    try:
        number = Decimal(digits)
    except InvalidOperation:
        _refuse("A number is out of range.")
    exponent = number.as_tuple().exponent
    if abs(number.adjusted()) > MAX_EXPONENT or abs(int(exponent)) > MAX_EXPONENT:
        _refuse("A number is out of range.")
    return number


def _constant(name: str) -> NoReturn:
    _refuse(f"{name} is not JSON.")


def _require_clean_texts(value: Any) -> None:
    """Recurses at most MAX_DEPTH deep; checked before."""
    if isinstance(value, str):
        _require_clean_text(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            _require_clean_text(key)
            _require_clean_texts(item)
    elif isinstance(value, list):
        for item in value:
            _require_clean_texts(item)


def _require_clean_text(text: str) -> None:
    found = _UNCLEAN.search(text)
    if found is None:
        return
    if found[0] == "\x00":
        _refuse("A text contains NUL.")
    _refuse("A text contains half of a surrogate pair.")


def _refuse(detail: str) -> NoReturn:
    raise JsonRefused(detail)
