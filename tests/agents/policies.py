"""The specification's policy, and any other."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from agents.core.categories import CATEGORIES
from agents.core.money import CURRENCIES, MINOR_MAX
from agents.policy.core.draft import parse_terms
from agents.policy.core.terms import PolicyTerms

SEED = {
    "max_transaction_amount": Decimal("1000.00"),
    "allowed_merchants": ["Amazon", "Walmart"],
    "blocked_categories": ["gambling", "adult"],
    "requires_approval_above": Decimal("500.00"),
}
TERMS = parse_terms(SEED)

names = st.text("abcdefghij", min_size=2, max_size=8)
name_lists = st.lists(names, unique=True, max_size=5).map(tuple)


@st.composite
def terms(draw: st.DrawFn, currency: str | None = None) -> PolicyTerms:
    maximum = draw(st.integers(1, MINOR_MAX))
    return PolicyTerms(
        currency=currency or draw(st.sampled_from(sorted(CURRENCIES))),
        max_transaction_amount_minor=maximum,
        requires_approval_above_minor=draw(st.none() | st.integers(0, maximum)),
        daily_budget_minor=draw(st.none() | st.integers(0, MINOR_MAX)),
        max_transactions_per_hour=draw(st.none() | st.integers(1, 100_000)),
        allowed_merchants=draw(st.none() | name_lists),
        blocked_categories=tuple(
            draw(st.lists(st.sampled_from(sorted(CATEGORIES)), unique=True))
        ),
        allowed_functions=draw(st.none() | name_lists),
        requires_signature=draw(st.booleans()),
    )
