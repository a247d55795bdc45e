"""Reading a policy that somebody wrote: all that is wrong with it, or its terms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.core.categories import canonical_category
from agents.core.merchants import is_merchant_name, is_suspicious_merchant, merchant_key
from agents.core.money import MoneyError, exponent_of, parse_amount
from agents.core.policy import PolicyTerms
from agents.core.policy_draft_reach import REACH_NAMES, Refused, read_reach
from audit.errors import DomainError

DEFAULT_CURRENCY = "USD"
PER_HOUR_MAX = 100_000
LIST_LENGTH_MAX = 10_000
FUNCTION_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")

# Obligatory, so that nothing is allowed because somebody forgot to mention it.
REQUIRED = (
    "max_transaction_amount",
    "allowed_merchants",
    "blocked_categories",
    "requires_approval_above",
)
OPTIONAL = (
    "currency",
    "daily_budget",
    "max_transactions_per_hour",
    "allowed_functions",
    "requires_signature",
    *REACH_NAMES,
)


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one place of a document (`pointer` is RFC 6901)."""

    pointer: str
    code: str
    detail: str


class PolicyInvalid(DomainError):
    """A draft policy with everything that is wrong with it, not only the first."""

    code = "policy_invalid"
    detail = "The policy is not valid; see the errors."

    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__()


def parse_terms(draft: Mapping[str, object]) -> PolicyTerms:
    """Return the terms that a draft in wire form sets, or all that is wrong with it.

    Amounts are decimal texts or JSON numbers in `currency` (USD unless given).
    Raises PolicyInvalid. Source: Security Considerations, "Agent Permissions".
    """
    reader = _Reader(draft)
    currency = reader.read("currency", _currency, DEFAULT_CURRENCY)
    money = _money(currency or DEFAULT_CURRENCY)
    money_or_zero = _money(currency or DEFAULT_CURRENCY, allow_zero=True)
    maximum = reader.read("max_transaction_amount", money)
    approval = reader.read("requires_approval_above", _optional(money_or_zero))
    if maximum is not None and approval is not None and approval > maximum:
        reader.refuse(
            "/requires_approval_above",
            "above_maximum",
            "The amount that needs approval is above the maximum.",
        )
    terms = {
        "currency": currency,
        "max_transaction_amount_minor": maximum,
        "requires_approval_above_minor": approval,
        "daily_budget_minor": reader.read(
            "daily_budget", _optional(money_or_zero), None
        ),
        "max_transactions_per_hour": reader.read(
            "max_transactions_per_hour", _optional(_per_hour), None
        ),
        "allowed_merchants": reader.read_list("allowed_merchants", _merchant),
        "blocked_categories": reader.read_list(
            "blocked_categories", _category, null_is_any=False
        ),
        "allowed_functions": reader.read_list(
            "allowed_functions", _function, default=()
        ),
        "requires_signature": reader.read(
            "requires_signature", _boolean, default=False
        ),
        **read_reach(reader),
    }
    if reader.errors:
        raise PolicyInvalid(reader.errors)
    return PolicyTerms(**terms)


class _Reader:
    """Reads a draft field by field and goes on after an error, to report them all."""

    def __init__(self, draft: Mapping[str, object]) -> None:
        self.draft = draft
        self.errors: list[FieldError] = []
        for name in draft:
            if name not in REQUIRED + OPTIONAL:
                self.refuse(f"/{_escape(name)}", "unknown_field", "No such field.")

    def refuse(self, pointer: str, code: str, detail: str) -> None:
        self.errors.append(FieldError(pointer, code, detail))

    def read(
        self, name: str, parse: Callable[[object], Any], default: object = None
    ) -> Any:
        if name not in self.draft:
            if name in REQUIRED:
                self.refuse(f"/{name}", "required", "This field is required.")
            return default
        return self.parsed(f"/{name}", parse, self.draft[name])

    def read_list(
        self,
        name: str,
        parse: Callable[[object], tuple[str, str]],
        *,
        null_is_any: bool = True,
        default: tuple[str, ...] | None = None,
    ) -> tuple[str, ...] | None:
        """Read names that must differ; `parse` returns a name and its key."""
        values = self.read(name, _list_or_null if null_is_any else _list, default)
        if values is None:
            return None
        seen: set[str] = set()
        names: list[str] = []
        for index, value in enumerate(values):
            pointer = f"/{name}/{index}"
            parsed = self.parsed(pointer, parse, value)
            if parsed is None:
                continue
            if parsed[1] in seen:
                self.refuse(pointer, "duplicate", "This name is already in the list.")
            seen.add(parsed[1])
            names.append(parsed[0])
        return tuple(names)

    def parsed(
        self, pointer: str, parse: Callable[[object], Any], value: object
    ) -> Any:
        try:
            return parse(value)
        except (Refused, MoneyError) as error:
            self.refuse(pointer, error.code, error.detail)
            return None


def _escape(name: object) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")


def _optional(parse: Callable[[object], Any]) -> Callable[[object], Any]:
    return lambda value: None if value is None else parse(value)


def _currency(value: object) -> str:
    exponent_of(value)
    return str(value)


def _money(currency: str, *, allow_zero: bool = False) -> Callable[[object], int]:
    return lambda value: parse_amount(value, currency, allow_zero=allow_zero)


def _per_hour(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused("not_an_integer", "Write a whole number or null.")
    if not 1 <= value <= PER_HOUR_MAX:
        raise Refused("out_of_range", f"Write a number from 1 to {PER_HOUR_MAX}.")
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise Refused("not_a_boolean", "Write true or false.")
    return value


def _list(value: object) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise Refused("not_a_list", "Write a list, if an empty one.")
    if len(value) > LIST_LENGTH_MAX:
        raise Refused("too_many", f"Write at most {LIST_LENGTH_MAX} names.")
    return value


_list_or_null = _optional(_list)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Refused("not_a_text", "Write a text.")
    return value


def _merchant(value: object) -> tuple[str, str]:
    name = _text(value)
    if not is_merchant_name(name):
        raise Refused("merchant_length", "Write a name of 2 to 200 characters.")
    if is_suspicious_merchant(name):
        raise Refused(
            "merchant_suspicious",
            "The name hides characters, mixes scripts or has outer spaces.",
        )
    return name, merchant_key(name)


def _category(value: object) -> tuple[str, str]:
    category = canonical_category(_text(value))
    if category is None:
        raise Refused("category_unknown", "There is no such category.")
    return category, category


def _function(value: object) -> tuple[str, str]:
    name = _text(value)
    if not FUNCTION_NAME.fullmatch(name):
        raise Refused(
            "function_name", "Write lower-case letters, digits and underscores."
        )
    return name, name
