"""What an approval asks of the person who gives it."""

from __future__ import annotations

from agents.core.money import exponent_of

# In the currency's major unit: 1,000.00 USD, 1,000 JPY.
STEP_UP_ABOVE = 1_000


def needs_step_up(amount_minor: int, currency: str) -> bool:
    """Tell whether approving an amount takes a proof at most five minutes old."""
    return amount_minor > STEP_UP_ABOVE * int(10 ** exponent_of(currency))
