"""Reading a policy that somebody wrote: all that is wrong with it, or its terms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.core.categories import CATEGORY_WORDS, canonical_category
from agents.core.merchants import is_merchant_name, is_suspicious_merchant, merchant_key
from agents.core.money import exponent_of, parse_amount
from agents.policy.core.approval_levels import (
    DEFAULT_MINUTES,
    MINUTES_MAX,
    MINUTES_MIN,
    LevelsReader,
)
from agents.policy.core.draft_reach import REACH_NAMES, read_reach
from agents.policy.core.limits_draft import read_limits
from agents.policy.core.policy import PolicyTerms
from agents.policy.core.reader import FieldError, Reader, ValueRefused, text_of
from audit.base.core.vocabulary import Unlisted
from audit.base.errors import Invalid

DEFAULT_CURRENCY = "USD"
PER_HOUR_MAX = 100_000
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
    "limits",
    "approval_levels",
    "approval_expires_after_minutes",
    "approval_escalates_after_minutes",
    *REACH_NAMES,
)


class PolicyInvalid(Invalid):
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
    reader = Reader(draft, required=REQUIRED, optional=OPTIONAL)
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
        "daily_budget_minor": reader.read("daily_budget", _optional(money_or_zero)),
        "max_transactions_per_hour": reader.read(
            "max_transactions_per_hour", _optional(_per_hour)
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
        "limits": read_limits(reader, currency or DEFAULT_CURRENCY),
        **_approval_terms(reader, currency or DEFAULT_CURRENCY, approval, maximum),
        **read_reach(reader),
    }
    if reader.errors:
        raise PolicyInvalid(reader.errors)
    read = PolicyTerms(**terms)
    if len({limit.identity for limit in read.all_limits}) < len(read.all_limits):
        reader.refuse("/daily_budget", "duplicate", "A limit says the same; write one.")
        raise PolicyInvalid(reader.errors)
    return read


def _approval_terms(
    reader: Reader, currency: str, floor: int | None, maximum: int | None
) -> dict[str, Any]:
    """Read who lifts a hold and for how long they are asked; see ApprovalLevel."""
    levels = LevelsReader(currency, floor or 0, maximum, reader.refuse)
    expires = reader.read("approval_expires_after_minutes", _minutes, DEFAULT_MINUTES)
    escalates = reader.read("approval_escalates_after_minutes", _optional(_minutes))
    if escalates is not None and expires is not None and escalates >= expires:
        reader.refuse(
            "/approval_escalates_after_minutes",
            "not_before_expiry",
            "Escalate before the request expires.",
        )
    return {
        "approval_levels": levels.read(reader.draft.get("approval_levels", ())),
        "approval_expires_after_minutes": expires,
        "approval_escalates_after_minutes": escalates,
    }


def _optional(parse: Callable[[object], Any]) -> Callable[[object], Any]:
    return lambda value: None if value is None else parse(value)


def _currency(value: object) -> str:
    exponent_of(value)
    return str(value)


def _money(currency: str, *, allow_zero: bool = False) -> Callable[[object], int]:
    return lambda value: parse_amount(value, currency, allow_zero=allow_zero)


def _per_hour(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueRefused("not_an_integer", "Write a whole number or null.")
    if not 1 <= value <= PER_HOUR_MAX:
        raise ValueRefused("out_of_range", f"Write a number from 1 to {PER_HOUR_MAX}.")
    return value


def _minutes(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueRefused("not_an_integer", "Write a whole number of minutes.")
    if not MINUTES_MIN <= value <= MINUTES_MAX:
        detail = f"Write a number from {MINUTES_MIN} to {MINUTES_MAX}."
        raise ValueRefused("out_of_range", detail)
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueRefused("not_a_boolean", "Write true or false.")
    return value


def _merchant(value: object) -> tuple[str, str]:
    name = text_of(value)
    if not is_merchant_name(name):
        raise ValueRefused("merchant_length", "Write a name of 2 to 200 characters.")
    if is_suspicious_merchant(name):
        raise ValueRefused(
            "merchant_suspicious",
            "The name hides characters, mixes scripts or has outer spaces.",
        )
    return name, merchant_key(name)


def _category(value: object) -> tuple[str, str]:
    category = canonical_category(text_of(value))
    if category is None:
        code = Unlisted("category_unknown", CATEGORY_WORDS, value)
        raise ValueRefused(code, "There is no such category.")
    return category, category


def _function(value: object) -> tuple[str, str]:
    name = text_of(value)
    if not FUNCTION_NAME.fullmatch(name):
        raise ValueRefused(
            "function_name", "Write lower-case letters, digits and underscores."
        )
    return name, name
