"""JSON Schema for what agents send: compiled once, unable to fetch, loop or hang.

Schemas come from people, parameters from agents; neither may cost more than a few
milliseconds. The dialect is 2020-12 without what reaches outside of the document.
"""

from __future__ import annotations

import functools
import itertools
import json
import math
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry

from audit.base.errors import Invalid
from security.schemas.core.patterns import PatternRefused, compile_pattern

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_SCHEMA_CHARACTERS = 64 * 1024
MAX_DEPTH = 32
# Subschemas once every $ref is written out in full.
MAX_SUBSCHEMAS = 500
MAX_BRANCHES = 16
MAX_UNIQUE_ITEMS = 100
MAX_VALUES = 2_000
# Values times subschemas: bounds the time of one check.
MAX_WORK = 40_000
MAX_VIOLATIONS = 20
# Of all patterns in one check: some 0.1 s.
MAX_STEPS = 10_000_000
_steps_left: ContextVar[int] = ContextVar("steps_left")

_ONE = frozenset(
    {
        *("additionalProperties", "contains", "else", "if", "items", "not"),
        *("propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
    }
)
_LIST = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAP = frozenset({"$defs", "definitions", "dependentSchemas", "properties"})
_PLAIN = frozenset(
    {
        *("$comment", "$ref", "$schema", "const", "default", "dependentRequired"),
        *("deprecated", "description", "enum", "examples", "exclusiveMaximum"),
        *("exclusiveMinimum", "format", "maxContains", "maxItems", "maxLength"),
        *("maxProperties", "maximum", "minContains", "minItems", "minLength"),
        *("minProperties", "minimum", "multipleOf", "pattern", "readOnly", "required"),
        *("title", "type", "uniqueItems", "writeOnly"),
    }
)
_KNOWN = _ONE | _LIST | _MAP | _PLAIN
# Their branches judge the same object together, so none may close it alone.
_IN_PLACE = frozenset(
    {"allOf", "anyOf", "dependentSchemas", "else", "if", "not", "oneOf", "then"}
)

_MESSAGES = {
    "additionalProperties": "An unknown property is not allowed.",
    "const": "The value is not the one that is allowed.",
    "enum": "The value is not one of those that are allowed.",
    "pattern": "The text does not have the required form.",
    "required": "A required property is missing.",
    "type": "The value is not of the required type.",
    "unevaluatedProperties": "An unknown property is not allowed.",
}


_NO_FORMATS = FormatChecker(formats=())


class _TooManySteps(Exception):
    """The patterns of a schema would take more than MAX_STEPS on these texts."""


class SchemaRefused(Invalid):
    """A schema is not safe to check with; `pointer` says where."""

    code = "schema_refused"
    detail = "The schema was refused."

    def __init__(self, reason: str, detail: str, pointer: str = "") -> None:
        self.reason = reason
        super().__init__(detail, pointer=pointer)


@dataclass(frozen=True, slots=True)
class CompiledSchema:
    """A schema that was found safe; `size` counts its subschemas, refs written out."""

    validator: Draft202012Validator
    size: int


@dataclass(frozen=True, slots=True)
class Violation:
    """Where a value departs from its schema; the message never repeats the value."""

    pointer: str
    code: str
    message: str


def compile_schema(
    schema: Mapping[str, Any], *, for_function: bool = True
) -> CompiledSchema:
    """Return the schema ready for violations(), or raise SchemaRefused.

    A function's schema must be a closed object: additionalProperties is false when it
    is not given, and may not be anything else. Objects inside are closed by default.
    """
    try:
        characters = len(json.dumps(schema, default=str))
    except (TypeError, ValueError, RecursionError):
        raise SchemaRefused("not_json", "The schema is not JSON.") from None
    if characters > MAX_SCHEMA_CHARACTERS:
        raise SchemaRefused("too_large", "The schema is larger than 64 KiB.")
    exact: Any = _exact(schema, "", 0)
    _check_subschema(exact, "", 0)
    if for_function:
        _check_function(exact)
    size = _Sizes(exact).of("", ())
    try:
        # Without its check of patterns, which knows only Python's.
        Draft202012Validator.check_schema(exact, format_checker=_NO_FORMATS)
    except SchemaError as error:
        raise SchemaRefused(
            "not_a_schema", "The schema is not valid.", _pointer(error.absolute_path)
        ) from None
    closed = _close(exact, in_place=False)
    return CompiledSchema(_Validator(closed, registry=Registry()), size)


def violations(compiled: CompiledSchema, value: Any) -> tuple[Violation, ...]:
    """Return how a value departs from the schema, at most 20; none means it fits.

    True is not an integer and neither is 1.0. NaN and Infinity, nesting deeper than 32
    levels, too many values for the schema and too long texts for its patterns are
    violations themselves.
    """
    try:
        exact = _exact(value, "", 0)
    except SchemaRefused as refused:
        return (Violation(refused.pointer or "", refused.reason, refused.detail),)
    amount = _count(exact)
    if amount > MAX_VALUES or amount * compiled.size > MAX_WORK:
        return (Violation("", "too_large", "There are too many values to check."),)
    _steps_left.set(MAX_STEPS)
    errors = itertools.islice(compiled.validator.iter_errors(exact), MAX_VIOLATIONS)
    try:
        return tuple(_violation(error) for error in errors)
    except _TooManySteps:
        message = "The texts are too long for their patterns."
        return (Violation("", "too_large", message),)
    except ArithmeticError:  # 1e100 has no remainder by 0.01 within Decimal's digits.
        return (Violation("", "multipleOf", "A number is out of range."),)


def check(schema: Mapping[str, Any], value: Any) -> tuple[Violation, ...]:
    """Return violations() of a registered function's schema, compiled once.

    `schema` is as the database has it: JSON, without Decimal. Raises SchemaRefused.
    """
    return violations(_compiled(json.dumps(schema, sort_keys=True)), value)


@functools.lru_cache(maxsize=256)
def _compiled(schema: str) -> CompiledSchema:
    return compile_schema(json.loads(schema))


def _violation(error: ValidationError) -> Violation:
    code = str(error.validator)
    message = _MESSAGES.get(code, f"The value does not satisfy {code}.")
    return Violation(_pointer(error.absolute_path), code, message)


def _pattern(
    validator: Any, pattern: str, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if not isinstance(instance, str):
        return
    compiled = compile_pattern(pattern)
    left = _steps_left.get() - len(instance) * compiled.programsize
    if left < 0:  # Any answer could fit some schema: this one, or one that negates it.
        raise _TooManySteps
    _steps_left.set(left)
    if compiled.search(instance) is None:
        yield ValidationError("pattern")


def _unique_items(
    validator: Any, wanted: bool, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    # Longer lists are maxItems' to refuse, which every such schema has.
    if isinstance(instance, list) and len(instance) <= MAX_UNIQUE_ITEMS:
        check = Draft202012Validator.VALIDATORS["uniqueItems"]
        yield from check(validator, wanted, instance, schema)


_Validator: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern, "uniqueItems": _unique_items}
)


def _exact(value: Any, pointer: str, depth: int) -> Any:
    """Copy a JSON value with its fractions as Decimal; refuse what is not JSON."""
    if depth > MAX_DEPTH:
        raise SchemaRefused("too_deep", f"Nested deeper than {MAX_DEPTH}.", pointer)
    if isinstance(value, Mapping):
        return {
            str(key): _exact(item, f"{pointer}/{_escape(str(key))}", depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [
            _exact(item, f"{pointer}/{index}", depth + 1)
            for index, item in enumerate(value)
        ]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise SchemaRefused("not_finite", "NaN and Infinity are refused.", pointer)
        return Decimal(repr(value))
    if isinstance(value, Decimal) and not value.is_finite():
        raise SchemaRefused("not_finite", "NaN and Infinity are refused.", pointer)
    if value is None or isinstance(value, str | bool | int | Decimal):
        return value
    raise SchemaRefused("not_json", "The value is not JSON.", pointer)


def _count(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_count, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(_count, value))
    return 1


def _subschemas(schema: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield (keyword, pointer from here, subschema) for all that a schema holds."""
    for keyword, value in schema.items():
        if keyword in _ONE:
            yield keyword, f"/{keyword}", value
        elif keyword in _LIST and isinstance(value, list):
            for index, item in enumerate(value):
                yield keyword, f"/{keyword}/{index}", item
        elif keyword in _MAP and isinstance(value, dict):
            for name, item in value.items():
                yield keyword, f"/{_escape(keyword)}/{_escape(name)}", item


def _check_subschema(schema: Any, pointer: str, depth: int) -> None:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise SchemaRefused("not_a_schema", "A schema is an object.", pointer)
    for keyword in schema:
        if keyword not in _KNOWN:
            raise SchemaRefused(
                "keyword_refused", f"{keyword[:40]!r} is not allowed.", pointer
            )
    if schema.get("$schema", DIALECT) != DIALECT:
        raise SchemaRefused("dialect_refused", f"Only {DIALECT}.", f"{pointer}/$schema")
    _check_pattern(schema, pointer)
    _check_unique_items(schema, pointer)
    for keyword in _LIST & schema.keys() - {"prefixItems"}:
        if isinstance(schema[keyword], list) and len(schema[keyword]) > MAX_BRANCHES:
            raise SchemaRefused(
                "too_many_branches",
                f"{keyword} has at most {MAX_BRANCHES} branches.",
                f"{pointer}/{keyword}",
            )
    for _, step, subschema in _subschemas(schema):
        _check_subschema(subschema, pointer + step, depth + 1)


def _check_pattern(schema: dict[str, Any], pointer: str) -> None:
    pattern = schema.get("pattern")
    if pattern is None:
        return
    try:
        compile_pattern(str(pattern))
    except PatternRefused as refused:
        raise SchemaRefused(
            "pattern_refused", str(refused), f"{pointer}/pattern"
        ) from None


def _check_unique_items(schema: dict[str, Any], pointer: str) -> None:
    if schema.get("uniqueItems", False) is False:
        return
    most = schema.get("maxItems")
    if not isinstance(most, int) or not 0 <= most <= MAX_UNIQUE_ITEMS:
        raise SchemaRefused(
            "unique_items_unbounded",
            f"uniqueItems needs a maxItems of at most {MAX_UNIQUE_ITEMS}.",
            f"{pointer}/uniqueItems",
        )


def _check_function(schema: Any) -> None:
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise SchemaRefused("not_an_object", "Parameters are an object.", "/type")
    if schema.get("additionalProperties", False) is not False:
        raise SchemaRefused(
            "additional_properties_open",
            "A function takes no parameters but those that are described.",
            "/additionalProperties",
        )


def _close(schema: Any, *, in_place: bool) -> Any:
    """Copy a schema with every described object closed, unless it says otherwise."""
    if not isinstance(schema, dict):
        return schema
    closed = dict(schema)
    for keyword in schema:
        inside = keyword in _IN_PLACE
        if keyword in _ONE:
            closed[keyword] = _close(schema[keyword], in_place=inside)
        elif keyword in _LIST:
            closed[keyword] = [_close(one, in_place=inside) for one in schema[keyword]]
        elif keyword in _MAP:
            closed[keyword] = {
                name: _close(one, in_place=inside)
                for name, one in schema[keyword].items()
            }
    describes = schema.get("type") == "object" or "properties" in schema
    decided = {"additionalProperties", "unevaluatedProperties"} & schema.keys()
    if describes and not in_place and not decided:
        # additionalProperties would not see what a branch or a $ref describes.
        composed = (_IN_PLACE | {"$ref"}) & schema.keys()
        closed["unevaluatedProperties" if composed else "additionalProperties"] = False
    return closed


class _Sizes:
    """Counts subschemas with every $ref written out; refuses loops and explosions."""

    def __init__(self, root: Any) -> None:
        self._at: dict[str, Any] = {}
        self._size: dict[str, int] = {}
        self._index(root, "")

    def of(self, pointer: str, within: tuple[str, ...]) -> int:
        if pointer in within:
            raise SchemaRefused("ref_cycle", "A $ref leads back to itself.", pointer)
        if pointer not in self._size:
            self._size[pointer] = self._measure(pointer, (*within, pointer))
        return self._size[pointer]

    def _measure(self, pointer: str, within: tuple[str, ...]) -> int:
        schema = self._at[pointer]
        size = 1
        if isinstance(schema, dict):
            for keyword, step, _ in _subschemas(schema):
                if keyword not in {"$defs", "definitions"}:
                    size += self.of(pointer + step, within)
            if "$ref" in schema:
                size += self.of(self._target(schema["$ref"], pointer), within)
        if size > MAX_SUBSCHEMAS:
            raise SchemaRefused(
                "too_large", f"More than {MAX_SUBSCHEMAS} subschemas.", pointer
            )
        return size

    def _target(self, ref: Any, pointer: str) -> str:
        """Only a place in this document, written as a plain JSON pointer."""
        target = ref.removeprefix("#") if isinstance(ref, str) else None
        if target is None or not str(ref).startswith("#") or target not in self._at:
            raise SchemaRefused(
                "ref_refused",
                "A $ref must name a schema of this document, as #/$defs/name.",
                f"{pointer}/$ref",
            )
        return target

    def _index(self, schema: Any, pointer: str) -> None:
        self._at[pointer] = schema
        if isinstance(schema, dict):
            for _, step, subschema in _subschemas(schema):
                self._index(subschema, pointer + step)


def _pointer(path: Any) -> str:
    return "".join(f"/{_escape(str(step))}" for step in path)


def _escape(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
