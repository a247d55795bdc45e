"""The kinds of terms that a policy has: how their values are read, written, compared.

A term is of one kind; agents/policy/core/terms.py lists them. `read` returns None for a
value that it refuses, and notes the reason in the reader. `write` takes the value and
the currency of the policy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.core.money import exponent_of, format_amount, parse_amount
from agents.policy.core.reader import Reader, ValueRefused
from audit.base.core.vocabulary import Vocabulary

Named = Callable[[object], tuple[str, str]]  # A name and its key, from a value.


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How values of one kind are read, written, compared and documented.

    `read(reader, name, default)` reads the field `name` of a draft. `schema` is a JSON
    Schema without descriptions; `words` is the closed set that texts come from.
    `in_short` writes a value for lists of what changed, if other than `write`. Unless
    `is_looser` compares them, another value counts as looser.
    """

    read: Callable[[Reader, str, Any], Any]
    schema: Mapping[str, Any]
    write: Callable[[Any, str], Any] = lambda value, _: value
    is_looser: Callable[[Any, Any], bool] = lambda old, new: bool(old != new)
    in_short: Callable[[Any, str], Any] | None = None
    words: Vocabulary | None = None


def is_higher(old: int | None, new: int | None) -> bool:
    """Return whether a limit was raised or removed (None is no limit)."""
    return old is not None and (new is None or new > old)


def is_wider(old: frozenset[str] | None, new: frozenset[str] | None) -> bool:
    """Return whether names were added to a list of the allowed (None allows any)."""
    return old is not None and (new is None or not new <= old)


def currency(words: Vocabulary) -> Kind:
    """Return the kind of the currency, in which the reader reads amounts then."""

    def parse(value: object) -> str:
        exponent_of(value)
        return str(value)

    def read(reader: Reader, name: str, default: str) -> str | None:
        given: str | None = reader.read(name, parse, default)
        reader.currency = given or default
        return given

    return Kind(read=read, schema={"type": "string"}, words=words)


def amount(*, or_none: bool = True) -> Kind:
    """Return the kind of an amount in minor units: None is no limit, 0 a real one."""

    def read(reader: Reader, name: str, default: int | None) -> int | None:
        def parse(value: object) -> int | None:
            if value is None and or_none:
                return None
            return parse_amount(value, reader.currency, allow_zero=or_none)

        given: int | None = reader.read(name, parse, default)
        return given

    return Kind(
        read=read,
        write=lambda minor, unit: None if minor is None else format_amount(minor, unit),
        is_looser=is_higher,
        schema={"type": ["string", "null"] if or_none else "string"},
    )


def number(
    least: int,
    most: int,
    *,
    unit: str = "",
    or_none: bool = False,
    is_looser: Callable[[Any, Any], bool] = is_higher,
) -> Kind:
    """Return the kind of a whole number from `least` to `most`, or no number."""
    things = f" of {unit}" if unit else ""

    def parse(value: object) -> int | None:
        if value is None and or_none:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            ending = " or null" if or_none and not unit else ""
            raise ValueRefused(
                "not_an_integer", f"Write a whole number{things}{ending}."
            )
        if not least <= value <= most:
            raise ValueRefused(
                "out_of_range", f"Write a number from {least} to {most}."
            )
        return value

    return Kind(
        read=lambda reader, name, default: reader.read(name, parse, default),
        is_looser=is_looser,
        schema={
            "type": ["integer", "null"] if or_none else "integer",
            "minimum": least,
            "maximum": most,
        },
    )


def switch() -> Kind:
    """Return the kind of a rule that is on or off; off is looser."""

    def parse(value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueRefused("not_a_boolean", "Write true or false.")
        return value

    return Kind(
        read=lambda reader, name, default: reader.read(name, parse, default),
        is_looser=lambda old, new: old and not new,
        schema={"type": "boolean"},
    )


def allowed(parse: Named, *, key: Callable[[str], str] = str, **kind: Any) -> Kind:
    """Return the kind of a list of the only names that pass; None: any name passes.

    `parse` reads one name; names with one `key` are the same.
    """

    def keys(names: tuple[str, ...] | None) -> frozenset[str] | None:
        return None if names is None else frozenset(map(key, names))

    looser: dict[str, Any] = {
        "is_looser": lambda old, new: is_wider(keys(old), keys(new))
    }
    return Kind(
        read=lambda reader, name, default: reader.read_list(
            name, parse, default=default
        ),
        write=lambda names, _: None if names is None else list(names),
        schema={"type": ["array", "null"], "items": {"type": "string"}},
        **looser | kind,
    )


def blocked(parse: Named, words: Vocabulary | None = None) -> Kind:
    """Return the kind of a list of names that do not pass."""
    return Kind(
        read=lambda reader, name, default: reader.read_list(
            name, parse, null_is_any=False, default=default
        ),
        write=lambda names, _: list(names),
        is_looser=lambda old, new: not set(old) <= set(new),
        schema={"type": "array", "items": {"type": "string"}},
        words=words,
    )


def text(parse: Callable[[object], str]) -> Kind:
    """Return the kind of one text."""
    return Kind(
        read=lambda reader, name, default: reader.read(name, parse, default),
        schema={"type": "string"},
    )


def parts(
    read: Callable[[Reader, str, Any], Any],
    write: Callable[[Any, str], Any],
    *,
    of: str,
    or_none: bool = False,
    **kind: Any,
) -> Kind:
    """Return the kind of a list of objects; `of` is the name of their schema."""
    types = ["array", "null"] if or_none else "array"
    schema = {"type": types, "items": {"$ref": of}}
    return Kind(read=read, write=write, schema=schema, **kind)
