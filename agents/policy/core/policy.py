"""An agent's limits: as a human sets them, as a decision reads them, what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from agents.core.mcc import blocked_codes
from agents.core.merchants import merchant_key
from agents.core.money import exponent_of, format_amount
from agents.policy.core.approval_levels import (
    DEFAULT_MINUTES,
    ApprovalLevel,
    level_texts,
    levels_to_wire,
    loosens_levels,
)
from agents.policy.core.hours import UTC, Hours
from agents.policy.core.limits import Limit, Per, Period, any_looser
from agents.policy.core.limits_draft import limit_to_wire
from agents.policy.core.reach import is_reach_wider, reach_to_wire, spoken_hours
from audit.base.core.lookalikes import LOOKS, Looks

# A speed that risk takes for high where a policy sets no limit of its own.
REFERENCE_REQUESTS_PER_HOUR = 60
# In the currency's major unit: what one person grants an agent alone, by their role.
# To their own agent an owner grants what a manager would.
ALONE_UP_TO: Mapping[str, int] = MappingProxyType({"manager": 100, "admin": 1_000})
OWNER_ALONE_UP_TO = ALONE_UP_TO["manager"]
# All that one person grants alone, in a day and over all agents: so many times as much.
ALONE_IN_ALL = 10
AMOUNTS = (
    "max_transaction_amount_minor",
    "requires_approval_above_minor",
    "daily_budget_minor",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTerms:
    """The limits a human set, names as written. Made by policy_draft.parse_terms()."""

    currency: str
    max_transaction_amount_minor: int
    requires_approval_above_minor: int | None
    daily_budget_minor: int | None
    max_transactions_per_hour: int | None
    allowed_merchants: tuple[str, ...] | None
    blocked_categories: tuple[str, ...]
    allowed_functions: tuple[str, ...] | None
    requires_signature: bool
    time_zone: str = UTC
    limits: tuple[Limit, ...] = ()
    approval_levels: tuple[ApprovalLevel, ...] = ()
    approval_expires_after_minutes: int = DEFAULT_MINUTES
    approval_escalates_after_minutes: int | None = None
    allowed_countries: tuple[str, ...] | None = None
    blocked_countries: tuple[str, ...] = ()
    allowed_hours: tuple[Hours, ...] | None = None
    blocked_mcc_groups: tuple[str, ...] = ()
    blocked_mccs: tuple[str, ...] = ()

    @property
    def all_limits(self) -> tuple[Limit, ...]:
        """Every limit per period, the daily budget among them."""
        if self.daily_budget_minor is None:
            return self.limits
        return (
            Limit(period=Period.DAY, amount_minor=self.daily_budget_minor),
            *self.limits,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRules:
    """One version compiled for decisions: merchants by key, sets for lookup.

    None means without limit (`allowed_*`: any); an empty set allows none.
    `merchants_by_skeleton` has the allowed merchant that another name may imitate, and
    `looks` what an imitation is.
    """

    id: str
    number: int
    currency: str
    max_transaction_amount_minor: int
    requires_approval_above_minor: int | None
    max_transactions_per_hour: int | None
    allowed_merchants: frozenset[str] | None
    blocked_categories: frozenset[str]
    allowed_functions: frozenset[str] | None
    requires_signature: bool
    time_zone: str = UTC
    limits: tuple[Limit, ...] = ()
    approval_levels: tuple[ApprovalLevel, ...] = ()
    approval_expires_after_minutes: int = DEFAULT_MINUTES
    approval_escalates_after_minutes: int | None = None
    # Neither is a term: one is derived from the merchants' names.
    merchants_by_skeleton: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({}), compare=False
    )
    looks: Looks = field(default=LOOKS, compare=False)
    allowed_countries: frozenset[str] | None = None
    blocked_countries: frozenset[str] = frozenset()
    allowed_hours: tuple[Hours, ...] | None = None
    blocked_mccs: frozenset[str] = frozenset()

    @property
    def tells_categories_apart(self) -> bool:
        """Whether anything that is judged depends on what a category is."""
        return bool(self.blocked_categories) or any(
            limit.per is Per.CATEGORY for limit in self.limits
        )


def compile_rules(
    terms: PolicyTerms, *, version_id: str, number: int, looks: Looks = LOOKS
) -> PolicyRules:
    """Return the form of a version that decisions look things up in."""
    merchants, functions = terms.allowed_merchants, terms.allowed_functions
    countries = terms.allowed_countries
    return PolicyRules(
        id=version_id,
        number=number,
        currency=terms.currency,
        max_transaction_amount_minor=terms.max_transaction_amount_minor,
        requires_approval_above_minor=terms.requires_approval_above_minor,
        max_transactions_per_hour=terms.max_transactions_per_hour,
        allowed_merchants=(
            None if merchants is None else frozenset(map(merchant_key, merchants))
        ),
        blocked_categories=frozenset(terms.blocked_categories),
        allowed_functions=None if functions is None else frozenset(functions),
        requires_signature=terms.requires_signature,
        time_zone=terms.time_zone,
        limits=terms.all_limits,
        approval_levels=terms.approval_levels,
        approval_expires_after_minutes=terms.approval_expires_after_minutes,
        approval_escalates_after_minutes=terms.approval_escalates_after_minutes,
        merchants_by_skeleton=MappingProxyType(
            {looks.skeleton(name): name for name in merchants or ()}
        ),
        looks=looks,
        allowed_countries=None if countries is None else frozenset(countries),
        blocked_countries=frozenset(terms.blocked_countries),
        allowed_hours=terms.allowed_hours,
        blocked_mccs=blocked_codes(terms.blocked_mcc_groups, terms.blocked_mccs),
    )


def to_wire(terms: PolicyTerms) -> dict[str, Any]:
    """Return the terms as the API shows and takes them: amounts as decimal texts."""

    def amount(minor: int | None) -> str | None:
        return None if minor is None else format_amount(minor, terms.currency)

    def names(values: tuple[str, ...] | None) -> list[str] | None:
        return None if values is None else list(values)

    return {
        "currency": terms.currency,
        "max_transaction_amount": amount(terms.max_transaction_amount_minor),
        "requires_approval_above": amount(terms.requires_approval_above_minor),
        "daily_budget": amount(terms.daily_budget_minor),
        "max_transactions_per_hour": terms.max_transactions_per_hour,
        "allowed_merchants": names(terms.allowed_merchants),
        "blocked_categories": list(terms.blocked_categories),
        "allowed_functions": names(terms.allowed_functions),
        "requires_signature": terms.requires_signature,
        "limits": [limit_to_wire(limit, terms.currency) for limit in terms.limits],
        "approval_levels": levels_to_wire(terms.approval_levels, terms.currency),
        "approval_expires_after_minutes": terms.approval_expires_after_minutes,
        "approval_escalates_after_minutes": terms.approval_escalates_after_minutes,
        **reach_to_wire(terms),
    }


# [old, new], or what was added to and removed from a list.
Change = list[Any] | dict[str, list[Any]]


def describe_changes(old: PolicyTerms | None, new: PolicyTerms) -> dict[str, Change]:
    """Return what a new version changes, field by field, in wire form.

    Levels and hours are texts, so that lists can show what was added and removed.
    """
    before: dict[str, Any] = {} if old is None else _told(old)
    return {
        name: _change(before.get(name), value)
        for name, value in _told(new).items()
        if name not in before or before[name] != value
    }


def loosens(old: PolicyTerms | None, new: PolicyTerms) -> bool:
    """Return whether a new version allows anything that the old one did not.

    Without an old version nothing was allowed. Limits in another currency cannot be
    compared, and count as looser. C15: nobody decides it alone above a ceiling.
    """
    if old is None or old.currency != new.currency:
        return True
    higher = any(_is_higher(getattr(old, name), getattr(new, name)) for name in AMOUNTS)
    return higher or _loosens_besides_amounts(old, new)


def needs_second_person(
    old: PolicyTerms | None, new: PolicyTerms, *, alone_up_to: int
) -> bool:
    """Return whether one person may not set a live agent's terms alone (C7, C15).

    One person alone may tighten. They may also set a first policy or higher amounts, if
    every amount of the new terms is set and at most `alone_up_to`, in major units. Any
    other loosening needs two.
    """
    if not loosens(old, new):
        return False
    if old is not None and (
        old.currency != new.currency or _loosens_besides_amounts(old, new)
    ):
        return True
    limit = alone_up_to * int(10 ** exponent_of(new.currency))
    amounts = (getattr(new, name) for name in AMOUNTS)
    return not all(amount is not None and amount <= limit for amount in amounts)


def functions_granted(old: PolicyTerms | None, new: PolicyTerms) -> frozenset[str]:
    """Return the functions that a new version names and the old one did not.

    Null names none: it lets pass what only reads.
    """
    before = old.allowed_functions if old else None
    return frozenset(new.allowed_functions or ()).difference(before or ())


def in_major_units(terms: PolicyTerms) -> int:
    """Return what a policy lets pass in a day at most, rounded up; 0 if without bound.

    In the currency's major unit, as ceilings are: 100 of any currency is 100.
    """
    return major_units(terms.daily_budget_minor or 0, terms.currency)


def major_units(minor: int, currency: str) -> int:
    """Return an amount of minor units in major ones, rounded up."""
    return -(-minor // int(10 ** exponent_of(currency)))


TERM_NAMES = tuple(field.name for field in fields(PolicyTerms))


def _loosens_besides_amounts(old: PolicyTerms, new: PolicyTerms) -> bool:
    return (
        _is_faster(old.max_transactions_per_hour, new.max_transactions_per_hour)
        or is_reach_wider(old, new)
        or _is_wider(_merchant_keys(old), _merchant_keys(new))
        or _widens_functions(old, new)
        or not set(old.blocked_categories) <= set(new.blocked_categories)
        or (old.requires_signature and not new.requires_signature)
        or any_looser(old.limits, new.limits)
        or _moves_days(old, new)
        or _loosens_approvals(old, new)
    )


def _loosens_approvals(old: PolicyTerms, new: PolicyTerms) -> bool:
    """Fewer people, a lower role, or more time for it until others are asked."""
    return (
        loosens_levels(old.approval_levels, new.approval_levels)
        or new.approval_expires_after_minutes > old.approval_expires_after_minutes
        or _is_higher(
            old.approval_escalates_after_minutes, new.approval_escalates_after_minutes
        )
    )


def _moves_days(old: PolicyTerms, new: PolicyTerms) -> bool:
    """Return whether calendar periods restart in another time zone."""
    return bool(old.all_limits) and old.time_zone != new.time_zone


def _widens_functions(old: PolicyTerms, new: PolicyTerms) -> bool:
    """Null lets pass what only reads; a name, whatever its function does."""
    before, after = _set(old.allowed_functions), _set(new.allowed_functions)
    return bool(after) if before is None else _is_wider(before, after)


def _is_higher(old: int | None, new: int | None) -> bool:
    return old is not None and (new is None or new > old)


def _is_faster(old: int | None, new: int | None) -> bool:
    """A first limit above the reference makes the speeds between them less risky."""
    if old is None:
        return new is not None and new > REFERENCE_REQUESTS_PER_HOUR
    return _is_higher(old, new)


def _is_wider(old: frozenset[str] | None, new: frozenset[str] | None) -> bool:
    return old is not None and (new is None or not new <= old)


def _merchant_keys(terms: PolicyTerms) -> frozenset[str] | None:
    names = terms.allowed_merchants
    return None if names is None else frozenset(map(merchant_key, names))


def _set(names: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _told(terms: PolicyTerms) -> dict[str, Any]:
    """Return the wire form with levels and hours in words, for people compare them."""
    wire, hours = to_wire(terms), terms.allowed_hours
    return wire | {
        "approval_levels": level_texts(wire["approval_levels"]),
        "allowed_hours": None if hours is None else spoken_hours(hours),
    }


def _change(old: Any, new: Any) -> Change:
    if isinstance(old, list) and isinstance(new, list):
        # By spelling, because a limit is an object, which is not hashable.
        before, after = set(map(repr, old)), set(map(repr, new))
        return {
            "added": [item for item in new if repr(item) not in before],
            "removed": [item for item in old if repr(item) not in after],
        }
    return [old, new]
