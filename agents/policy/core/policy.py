"""A policy as decisions read it, and what a new version changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import chain
from types import MappingProxyType
from typing import Any

from agents.core.mcc import blocked_codes
from agents.core.merchants import merchant_key
from agents.core.money import exponent_of
from agents.policy.core.limits import Limit, Per
from agents.policy.core.terms import AMOUNTS, TERMS, PolicyTerms, Sentence, wire_name
from audit.base.core.canonical import canonical
from audit.base.core.codec import as_json
from audit.base.core.lookalikes import LOOKS, Looks

# In the currency's major unit: what one person grants an agent alone, by their role.
# To their own agent an owner grants what a manager would.
ALONE_UP_TO: Mapping[str, int] = MappingProxyType({"manager": 100, "admin": 1_000})
OWNER_ALONE_UP_TO = ALONE_UP_TO["manager"]
# All that one person grants alone, in a day and over all agents: so many times as much.
ALONE_IN_ALL = 10


@dataclass(frozen=True, kw_only=True)
class PolicyRules(PolicyTerms):
    """One version as decisions read it: its terms, and what they look names up in.

    None means without limit (`allowed_*`: any); an empty list allows none. `looks` is
    what the engine takes for an imitation.
    """

    id: str
    number: int
    looks: Looks = field(default=LOOKS, compare=False, repr=False)

    @cached_property
    def merchant_keys(self) -> frozenset[str] | None:
        """The keys of the allowed merchants."""
        names = self.allowed_merchants
        return None if names is None else frozenset(map(merchant_key, names))

    @cached_property
    def merchants_by_skeleton(self) -> Mapping[str, str]:
        """The allowed merchant that another name may imitate, by its look."""
        names = self.allowed_merchants or ()
        return {self.looks.skeleton(name): name for name in names}

    @cached_property
    def functions(self) -> frozenset[str]:
        """The functions that are named."""
        return frozenset(self.allowed_functions or ())

    @cached_property
    def blocked_codes(self) -> frozenset[str]:
        """The blocked merchant category codes, those of groups among them."""
        return blocked_codes(self.blocked_mcc_groups, self.blocked_mccs)

    @cached_property
    def all_limits(self) -> tuple[Limit, ...]:
        """As PolicyTerms.all_limits, which each decision reads."""
        return super().all_limits

    @cached_property
    def depends_on_category(self) -> bool:
        """Whether anything that is judged depends on what a category is."""
        return bool(self.blocked_categories) or any(
            limit.per is Per.CATEGORY for limit in self.limits
        )

    @cached_property
    def digest(self) -> str:
        """The SHA-256 (hex) of the canonical JSON of what decisions read.

        Terms with their default value are left out, so that a term that is added later
        changes no digest; those of the first engine are always in.
        """
        read = {"id": self.id, "number": self.number} | self._read()
        return sha256(canonical(read)).hexdigest()

    def _read(self) -> dict[str, Any]:
        """Return the terms as JSON: lists of names as sorted sets of their keys."""
        folded = {
            "allowed_merchants": self.merchant_keys,
            "limits": self.all_limits,
            "blocked_mccs": self.blocked_codes,
        }
        read = {}
        for name, term in TERMS.items():
            if name in _READ_WITH_OTHERS:
                continue
            value = folded.get(name, getattr(self, name))
            if name in _NAMES and value is not None:
                value = frozenset(value)
            written = as_json(value)
            if name in _ALWAYS_IN_DIGEST or written != as_json(term.default):
                read[name] = written
        return read


# The daily budget is one of the limits, and groups of sellers are blocked codes.
_READ_WITH_OTHERS = frozenset({"daily_budget_minor", "blocked_mcc_groups"})
_NAMES = frozenset(
    name for name in TERMS if name.startswith(("allowed_", "blocked_"))
) - {"allowed_hours"}
_ALWAYS_IN_DIGEST = frozenset(
    {
        "currency",
        "max_transaction_amount_minor",
        "requires_approval_above_minor",
        "max_transactions_per_hour",
        "allowed_merchants",
        "blocked_categories",
        "allowed_functions",
        "requires_signature",
    }
)


def compile_rules(
    terms: PolicyTerms, *, version_id: str, number: int, looks: Looks = LOOKS
) -> PolicyRules:
    """Return a version of a policy as decisions read it."""
    values = {name: getattr(terms, name) for name in TERMS}
    return PolicyRules(id=version_id, number=number, looks=looks, **values)


def to_wire(terms: PolicyTerms) -> dict[str, Any]:
    """Return the terms as the API shows and takes them: amounts as decimal texts."""
    return {
        wire_name(name): term.kind.write(getattr(terms, name), terms.currency)
        for name, term in TERMS.items()
    }


def policy_sentences(terms: PolicyTerms) -> tuple[Sentence, ...]:
    """Return (subject, sentence) for every limit, those that are not set included."""
    return tuple(chain.from_iterable(term.said(terms) for term in TERMS.values()))


# [old, new], or what was added to and removed from a list.
Change = list[Any] | dict[str, list[Any]]


def describe_changes(old: PolicyTerms | None, new: PolicyTerms) -> dict[str, Change]:
    """Return what a new version changes, field by field, in wire form.

    Levels and hours are texts, so that lists can show what was added and removed.
    """
    before: dict[str, Any] = {} if old is None else _in_short(old)
    return {
        name: _change(before.get(name), value)
        for name, value in _in_short(new).items()
        if name not in before or before[name] != value
    }


def loosens(old: PolicyTerms | None, new: PolicyTerms) -> bool:
    """Return whether a new version allows anything that the old one did not.

    Without an old version nothing was allowed. Limits in another currency cannot be
    compared, and count as looser. C15: nobody decides it alone above a ceiling.
    """
    if old is None or old.currency != new.currency:
        return True
    return any(_loosens(name, old, new) for name in TERMS)


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
        old.currency != new.currency
        or any(_loosens(name, old, new) for name in TERMS if name not in AMOUNTS)
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


def _loosens(name: str, old: PolicyTerms, new: PolicyTerms) -> bool:
    term = TERMS[name]
    if term.is_looser is not None:
        return term.is_looser(old, new)
    return term.kind.is_looser(getattr(old, name), getattr(new, name))


def _in_short(terms: PolicyTerms) -> dict[str, Any]:
    """Return the wire form; levels and hours are texts that people can compare."""
    return {
        wire_name(name): (term.kind.in_short or term.kind.write)(
            getattr(terms, name), terms.currency
        )
        for name, term in TERMS.items()
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
