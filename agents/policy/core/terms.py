"""What a policy can set: each term is declared once, here.

Drafts, versions and their comparison, the API with its schema, and the sentences on
pages are derived from this table. A new term is a new entry with a default. Stored
versions lack it, so it needs no migration. The checks of decisions read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from agents.core.categories import CATEGORY_WORDS
from agents.core.countries import COUNTRY_WORDS
from agents.core.mcc import GROUP_WORDS, blocked_codes
from agents.core.merchants import merchant_key
from agents.core.money import CURRENCY_WORDS
from agents.policy.core import kinds, names, words
from agents.policy.core.approval_levels import (
    DEFAULT_MINUTES,
    MINUTES_MAX,
    MINUTES_MIN,
    ApprovalLevel,
    level_texts,
    levels_to_wire,
    loosens_levels,
    read_levels,
)
from agents.policy.core.hours import UTC, Hours, are_hours_wider
from agents.policy.core.hours_draft import hours_to_wire, read_hours, spoken_hours
from agents.policy.core.limits import Limit, Period, any_looser
from agents.policy.core.limits_draft import limits_to_wire, read_limits

DEFAULT_CURRENCY = "USD"
PER_HOUR_MAX = 100_000
# A speed that risk takes for high where a policy sets no limit of its own.
REFERENCE_REQUESTS_PER_HOUR = 60

Sentence = tuple[str, str]  # A subject, and what the policy says of it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One thing that a policy sets. Without a default a draft must say it.

    `raised_alone`: whether one person may raise it up to a ceiling (C15). `about`
    describes it in the API's schema. `said` explains a policy's value to
    people. `is_looser` compares whole policies, where the values alone are not enough.
    """

    kind: kinds.Kind
    default: Any
    raised_alone: bool = False
    about: str = ""
    said: Callable[[Any], Iterable[Sentence]] = lambda _: ()
    is_looser: Callable[[Any, Any], bool] | None = None

    @property
    def is_required(self) -> bool:
        """Whether a draft must say it."""
        return self.default is MISSING


def term(kind: kinds.Kind, *, default: Any = MISSING, **entry: Any) -> Any:
    """Declare a field of PolicyTerms, with its entry of the table (Term)."""
    declared = Term(kind=kind, default=default, **entry)
    return field(default=default, metadata={"term": declared})


def says(
    subject: str, sentence: Callable[[Any], str]
) -> Callable[[Any], Iterable[Sentence]]:
    """Return what explains a term by one sentence."""
    return lambda terms: [(subject, sentence(terms))]


def _is_faster(old: int | None, new: int | None) -> bool:
    """A first limit above the reference makes the speeds between them less risky."""
    if old is None:
        return new is not None and new > REFERENCE_REQUESTS_PER_HOUR
    return kinds.is_higher(old, new)


def _names_more(old: tuple[str, ...] | None, new: tuple[str, ...] | None) -> bool:
    """Null lets pass what only reads; a name, whatever its function does."""
    if old is None:
        return bool(new)
    return new is None or not set(new) <= set(old)


def _moves_days(old: PolicyTerms, new: PolicyTerms) -> bool:
    """Return whether calendar periods restart in another time zone."""
    return bool(old.all_limits) and old.time_zone != new.time_zone


def _blocks_fewer_codes(old: PolicyTerms, new: PolicyTerms) -> bool:
    before, after = (
        blocked_codes(terms.blocked_mcc_groups, terms.blocked_mccs)
        for terms in (old, new)
    )
    return not before <= after


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTerms:
    """The limits a human set, names as written. Made by draft.parse_terms().

    The entries have the order in which drafts are read, and people read a policy.
    """

    currency: str = term(kinds.currency(CURRENCY_WORDS), default=DEFAULT_CURRENCY)
    max_transaction_amount_minor: int = term(
        kinds.amount(or_none=False),
        raised_alone=True,
        about='Such as "1000.00".',
        said=says(
            "Each transaction",
            lambda terms: words.at_most(
                terms.max_transaction_amount_minor, terms.currency
            ),
        ),
    )
    requires_approval_above_minor: int | None = term(
        kinds.amount(),
        raised_alone=True,
        about="Null: no amount needs a human.",
        said=says(
            "A human decides",
            lambda terms: words.approval(
                terms.requires_approval_above_minor, terms.currency
            ),
        ),
    )
    approval_levels: tuple[ApprovalLevel, ...] = term(
        kinds.parts(
            read_levels,
            levels_to_wire,
            of="ApprovalLevel",
            is_looser=loosens_levels,
            in_short=lambda levels, unit: level_texts(levels_to_wire(levels, unit)),
        ),
        default=(),
        said=says(
            "Approvals",
            lambda terms: words.levels(terms.approval_levels, terms.currency),
        ),
    )
    approval_expires_after_minutes: int = term(
        kinds.number(MINUTES_MIN, MINUTES_MAX, unit="minutes"),
        default=DEFAULT_MINUTES,
        said=says(
            "Time to decide",
            lambda terms: words.time_to_decide(
                terms.approval_expires_after_minutes,
                terms.approval_escalates_after_minutes,
            ),
        ),
    )
    approval_escalates_after_minutes: int | None = term(
        kinds.number(MINUTES_MIN, MINUTES_MAX, unit="minutes", or_none=True),
        default=None,
        about="Null: never. Before the request expires.",
    )
    time_zone: str = term(
        kinds.text(names.time_zone),
        default=UTC,
        about="IANA name; hours and calendar periods follow it.",
        is_looser=_moves_days,
    )
    daily_budget_minor: int | None = term(
        kinds.amount(),
        default=None,
        raised_alone=True,
        said=lambda terms: [
            (
                f"Each day ({terms.time_zone})",
                words.daily(terms.daily_budget_minor, terms.currency),
            )
        ],
    )
    max_transactions_per_hour: int | None = term(
        kinds.number(1, PER_HOUR_MAX, or_none=True, is_looser=_is_faster),
        default=None,
        said=says(
            "Each hour", lambda terms: words.hourly(terms.max_transactions_per_hour)
        ),
    )
    limits: tuple[Limit, ...] = term(
        kinds.parts(read_limits, limits_to_wire, of="Limit", is_looser=any_looser),
        default=(),
        said=lambda terms: [
            ("Limit", words.limit(limit, terms.currency)) for limit in terms.limits
        ],
    )
    allowed_merchants: tuple[str, ...] | None = term(
        kinds.allowed(names.merchant, key=merchant_key),
        about="Null: any merchant. Empty: none.",
        said=says("Merchants", lambda terms: words.merchants(terms.allowed_merchants)),
    )
    new_merchant_requires_approval: bool = term(
        kinds.switch(),
        default=False,
        about="Whether a human decides on an agent's first transaction at a merchant.",
        said=says(
            "New merchants",
            lambda terms: words.new_merchants(
                wait=terms.new_merchant_requires_approval
            ),
        ),
    )
    blocked_categories: tuple[str, ...] = term(
        kinds.blocked(names.category, CATEGORY_WORDS),
        about="Their other names are taken, too: /docs/vocabularies/categories/.",
        said=says(
            "Blocked categories",
            lambda terms: words.listed(terms.blocked_categories) or "None.",
        ),
    )
    allowed_countries: tuple[str, ...] | None = term(
        kinds.allowed(names.country, words=COUNTRY_WORDS),
        default=None,
        about="ISO 3166-1 alpha-2. Null: any country. Empty: none.",
        said=says(
            "Countries",
            lambda terms: words.countries(
                terms.allowed_countries, terms.blocked_countries
            ),
        ),
    )
    blocked_countries: tuple[str, ...] = term(
        kinds.blocked(names.country, COUNTRY_WORDS), default=()
    )
    blocked_mcc_groups: tuple[str, ...] = term(
        kinds.blocked(names.mcc_group, GROUP_WORDS),
        default=(),
        is_looser=_blocks_fewer_codes,
        said=says(
            "Kinds of sellers (MCC)",
            lambda terms: words.sellers(terms.blocked_mcc_groups, terms.blocked_mccs),
        ),
    )
    blocked_mccs: tuple[str, ...] = term(
        kinds.blocked(names.mcc), default=(), is_looser=_blocks_fewer_codes
    )
    allowed_hours: tuple[Hours, ...] | None = term(
        kinds.parts(
            read_hours,
            lambda hours, _: hours_to_wire(hours),
            of="AllowedHours",
            or_none=True,
            in_short=lambda hours, _: None if hours is None else spoken_hours(hours),
        ),
        default=None,
        about="In time_zone, `to` not included. Null: at any time. Empty: never.",
        said=says(
            "Hours", lambda terms: words.hours(terms.allowed_hours, terms.time_zone)
        ),
        is_looser=lambda old, new: are_hours_wider(
            (old.allowed_hours, old.time_zone), (new.allowed_hours, new.time_zone)
        ),
    )
    allowed_functions: tuple[str, ...] | None = term(
        kinds.allowed(names.function, is_looser=_names_more),
        default=(),
        about="Null: any that only reads. Empty: none.",
        said=says("Functions", lambda terms: words.functions(terms.allowed_functions)),
    )
    requires_signature: bool = term(
        kinds.switch(),
        default=False,
        said=says(
            "Signature",
            lambda terms: words.signature(required=terms.requires_signature),
        ),
    )

    @property
    def all_limits(self) -> tuple[Limit, ...]:
        """Every limit per period, the daily budget among them."""
        if self.daily_budget_minor is None:
            return self.limits
        return (
            Limit(period=Period.DAY, amount_minor=self.daily_budget_minor),
            *self.limits,
        )


TERMS: Mapping[str, Term] = {
    each.name: each.metadata["term"] for each in fields(PolicyTerms)
}
_MINOR = "_minor"
AMOUNTS = tuple(name for name, each in TERMS.items() if each.raised_alone)


def wire_name(name: str) -> str:
    """Return how the API calls a field of PolicyTerms: amounts are no minor units."""
    return name.removesuffix(_MINOR)
