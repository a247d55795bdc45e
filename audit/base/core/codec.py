"""Convert frozen dataclasses to JSON and back, by the declared types of their fields.

The inputs of decisions and the terms of policies are stored this way. A field that is
added later must have a default: it is used for older records, which lack the field.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from audit.base.core.readers import rfc3339

T = TypeVar("T")

_PLAIN = frozenset({bool, int, str, type(None)})


def by_name(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name, each value as it is.

    dataclasses.asdict() would copy all values recursively.
    """
    return {name: getattr(value, name) for name in names_of(value.__class__)}


@cache
def names_of(kind: type[Any]) -> tuple[str, ...]:
    """Return the field names of a dataclass, () for another type."""
    return tuple(each.name for each in fields(kind)) if is_dataclass(kind) else ()


def as_json(value: Any) -> Any:
    """Return a frozen value as JSON: instants in RFC 3339 (UTC), sets sorted.

    Raises TypeError for types that from_json() cannot read either, such as floats,
    which have no unique spelling.
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, tuple):
        # Most tuples hold counters: avoid a call per number.
        return [each if type(each) in _PLAIN else as_json(each) for each in value]
    if names := names_of(value.__class__):
        return {name: as_json(getattr(value, name)) for name in names}
    if isinstance(value, frozenset):
        return sorted(map(as_json, value))
    if isinstance(value, Enum):
        return as_json(value.value)
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"A record cannot hold a {type(value).__name__}.")


def from_json(kind: type[T], value: Any) -> T:
    """Return the value of a type that as_json() wrote.

    Raises ValueError if it has another type, an unknown field, or lacks a field without
    a default. Raises TypeError if a field's type is not supported.
    """
    read: T = _read(kind, value)
    return read


def _read(kind: Any, value: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _read_one_of(inner, value)
    if origin is tuple:
        return _read_tuple(inner, value)
    if origin is frozenset:
        return frozenset(_read(inner[0], each) for each in _of(list, value))
    if is_dataclass(kind):
        return _read_fields(kind, _of(dict, value))
    if kind in _PLAIN:
        return _of(kind, value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if kind in (datetime, date):
        return kind.fromisoformat(_of(str, value))
    raise TypeError(f"A field of type {kind} cannot be read from a record.")


def _read_one_of(kinds: tuple[Any, ...], value: Any) -> Any:
    """Read an optional value: None or the other type."""
    if value is None and type(None) in kinds:
        return None
    [kind] = [each for each in kinds if each is not type(None)]
    return _read(kind, value)


def _read_tuple(kinds: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    items = _of(list, value)
    # Most tuples hold counters: avoid a call per number.
    if kinds == (int, ...) and set(map(type, items)) == {int}:
        return tuple(items)
    if kinds[1:] == (...,):
        kinds = kinds[:1] * len(items)
    return tuple(_read(kind, each) for kind, each in zip(kinds, items, strict=True))


def _read_fields(kind: Any, value: Mapping[str, Any]) -> Any:
    known = _types_of(kind)
    if unknown := value.keys() - known.keys():
        raise ValueError(f"{kind.__name__} has no field {', '.join(sorted(unknown))}.")
    given = {name: _read(known[name], each) for name, each in value.items()}
    try:
        return kind(**given)
    except TypeError as error:  # A field without a default is missing.
        raise ValueError(str(error)) from error


@cache
def _types_of(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def _of(kind: Any, value: Any) -> Any:
    """Return the value if it has exactly this type: True is not accepted as int."""
    if type(value) is not kind:
        raise ValueError(f"{value!r:.50} is not of type {kind.__name__}.")
    return value
