"""Checks of what a model wrote, before a person or a program reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from agents.prompts.core.sanitize import sanitize
from audit.base.core.masking import mask
from security.schemas.core.json_schema import CompiledSchema, violations
from security.schemas.core.strict_json import JsonRefused, parse_json

Outcome = Literal["allow", "hold", "deny"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One finding; `pointer` is set when it is about a place in a JSON value."""

    code: str
    message: str
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class OutputCheck:
    """The verdict on an output; `sanitized` has its shape and is safe to show."""

    outcome: Outcome
    reasons: tuple[Reason, ...]
    sanitized: Any


def check_output(value: Any, schema: CompiledSchema | None = None) -> OutputCheck:
    """Judge a text or JSON value: hold what is active or private, deny a bad shape.

    An image that would be fetched from outside becomes a link, an active HTML tag
    plain text, and secrets, card numbers and SSNs are masked. A value that departs
    from the schema is denied. Raises SensitiveDataRefused on a card security code.
    """
    masked = mask(value)
    sanitized = _map_texts(masked, _clean)
    reasons = []
    if masked != value:
        message = "Holds secrets or card data; they were masked."
        reasons.append(Reason("sensitive_data", message))
    if _map_texts(masked, _passivate) != masked:
        message = "Holds markup that would run or fetch; it was made inert."
        reasons.append(Reason("active_content", message))
    if _map_texts(masked, lambda text: sanitize(text).text) != masked:
        message = "Holds hidden characters; they were removed."
        reasons.append(Reason("hidden_characters", message))
    outcome: Outcome = "hold" if reasons else "allow"
    if schema and (found := violations(schema, value)):
        reasons += [
            Reason(f"schema_{one.code}", one.message, one.pointer) for one in found
        ]
        outcome = "deny"
    return OutputCheck(outcome, tuple(reasons), _plain_numbers(sanitized))


def check_json_text(text: str, schema: CompiledSchema) -> OutputCheck:
    """Judge a text that must be JSON of a schema; anything else is denied."""
    try:
        value = parse_json(text.encode("utf-8", "surrogatepass"))
    except JsonRefused as refused:
        verdict = check_output(text)
        reasons = (Reason("not_json", str(refused)), *verdict.reasons)
        return OutputCheck("deny", reasons, verdict.sanitized)
    verdict = check_output(value, schema)
    return replace(verdict, sanitized=json.dumps(verdict.sanitized, ensure_ascii=False))


def _clean(text: str) -> str:
    return _passivate(sanitize(text).text)


def _passivate(text: str) -> str:
    without_images = _IMAGE.sub("[", text)
    # One handler makes every tag suspect: attributes can hide where a tag begins.
    tags = _ANY_TAG if _HANDLER.search(text) else _ACTIVE_TAG
    without_tags = tags.sub("&lt;", without_images)
    return _ACTIVE_SCHEME.sub("blocked:", without_tags)


def _map_texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(str(key)): _map_texts(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [_map_texts(one, change) for one in value]
    return value


def _plain_numbers(value: Any) -> Any:
    """Spell a Decimal as a number where a float holds it exactly, else as text."""
    if isinstance(value, dict):
        return {key: _plain_numbers(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain_numbers(one) for one in value]
    if isinstance(value, Decimal):
        number = float(value)
        return number if Decimal(repr(number)) == value else str(value)
    return value


_IMAGE = re.compile(r"!\[")
_ACTIVE_TAG = re.compile(
    r"<(?=/?(?:script|iframe|img|image|object|embed|svg|math|link|meta|base|form|input"
    r"|button|style|video|audio|source|body|details)\b)",
    re.IGNORECASE,
)
_ANY_TAG = re.compile(r"<(?=/?[a-z])", re.IGNORECASE)
_HANDLER = re.compile(r"\bon[a-z]{3,20}\s{0,5}=", re.IGNORECASE)
_ACTIVE_SCHEME = re.compile(r"\b(?:javascript|vbscript|data):(?=\S)", re.IGNORECASE)
