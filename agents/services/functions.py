"""Functions: what agents may ask to call, each with a versioned JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.models import User
from agents.core.effects import does_more
from agents.errors import FunctionInUse, FunctionNameRefused
from agents.models import Function, FunctionVersion
from agents.policy.core.names import FUNCTION_NAME
from agents.queries import is_named_live
from agents.services.access import require, telling_taken_name
from audit.base.core.masking import mask
from audit.base.errors import NotFound
from audit.base.readable import check_line
from audit.services.recording import record
from security.schemas.core.json_schema import SchemaRefused, compile_schema
from security.step_up import require_step_up, takes_proof

NAME_ONCE = "agents_function_name"


@takes_proof
def register_function(
    name: str,
    *,
    schema: Mapping[str, Any],
    effect: str,
    description: str = "",
    acting: User,
) -> FunctionVersion:
    """Register a function with the first version of its parameters' schema.

    Raises NotPermitted, FunctionNameRefused, NameRefused, NameTaken, and SchemaRefused
    for a schema that is not safe to check with (H2, H3).
    """
    require(acting, "agents.add_function")
    if not FUNCTION_NAME.fullmatch(name) or mask(name) != name:
        raise FunctionNameRefused(pointer="/name")
    check_line(description, pointer="/description")
    plain = _checked(schema)
    with telling_taken_name(NAME_ONCE), transaction.atomic(durable=True):
        function = Function.objects.create(name=name, description=description)
        version = _add_version(function, 1, plain, effect, acting)
        record(
            "function.registered",
            target=_target(function),
            details={"number": 1, "effect": effect},
            actor=acting,
        )
    return version


@takes_proof
def add_function_version(
    name: str, *, schema: Mapping[str, Any], effect: str, acting: User
) -> FunctionVersion:
    """Put a new schema and effect in force for calls that start after this.

    Locks the function's row. Raises NotPermitted, NotFound, SchemaRefused, and
    FunctionInUse where it would do more than what policies of live agents allowed it
    for, as second persons agreed to.
    """
    require(acting, "agents.change_function")
    plain = _checked(schema)
    with transaction.atomic(durable=True):
        function = _lock_function(name)
        current = function.current_version
        if current and does_more(current.effect, effect) and is_named_live(name):
            raise FunctionInUse(pointer="/effect")
        number = current.number + 1 if current else 1
        version = _add_version(function, number, plain, effect, acting)
        record(
            "function.registered",
            target=_target(function),
            details={"number": number, "effect": effect},
            actor=acting,
        )
    return version


def set_function_enabled(name: str, *, is_enabled: bool, acting: User) -> Function:
    """Let agents ask for a function, or none of them.

    A second call changes nothing. To enable takes a fresh proof. Raises NotPermitted,
    NotFound, StepUpRequired.
    """
    require(acting, "agents.change_function")
    if is_enabled:
        require_step_up(acting)
    with transaction.atomic(durable=True):
        function = _lock_function(name)
        if function.is_enabled == is_enabled:
            return function
        function.is_enabled = is_enabled
        function.save(update_fields=["is_enabled"])
        record(
            "function.updated",
            target=_target(function),
            details={"changes": {"is_enabled": [not is_enabled, is_enabled]}},
            actor=acting,
        )
    return function


def _checked(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a safe schema as plain JSON, because the column takes no Decimal."""
    plain: dict[str, Any] = json.loads(json.dumps(schema, default=float))
    try:
        compile_schema(plain)
    except SchemaRefused as refused:
        refused.pointer = f"/schema{refused.pointer or ''}"
        raise
    return plain


def _lock_function(name: str) -> Function:
    function = Function.objects.select_for_update().filter(name=name).first()
    if function is None:
        raise NotFound
    return function


def _add_version(
    function: Function,
    number: int,
    schema: Mapping[str, Any],
    effect: str,
    acting: User,
) -> FunctionVersion:
    version = FunctionVersion.objects.create(
        function=function,
        number=number,
        schema=schema,
        effect=effect,
        created_by=acting,
    )
    function.current_version = version
    function.save(update_fields=["current_version"])
    return version


def _target(function: Function) -> tuple[str, str, str]:
    return "function", function.pk, function.name
