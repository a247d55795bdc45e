"""What money is spent on: a closed set, so that a blocked category has one name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

CATEGORIES = frozenset(
    {
        "advertising", "adult", "alcohol", "automotive", "beauty", "books", "cash",
        "charity", "clothing", "crypto", "education", "electronics", "entertainment",
        "fees", "fuel", "gambling", "gaming", "gifts", "government", "groceries",
        "health", "home", "insurance", "investments", "jewelry", "kids", "loans",
        "office", "other", "pets", "pharmacy", "professional_services", "rent",
        "restaurants", "shipping", "shopping", "software", "sports", "subscriptions",
        "taxes", "telecom", "tobacco", "transfers", "transport", "travel", "utilities",
        "weapons",
    }
)  # fmt: skip

# Other names of the same things. A blocked category is blocked under all of them.
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "ads": "advertising",
        "marketing": "advertising",
        "adult_content": "adult",
        "adult_entertainment": "adult",
        "porn": "adult",
        "pornography": "adult",
        "airlines": "travel",
        "flights": "travel",
        "hotels": "travel",
        "lodging": "travel",
        "apparel": "clothing",
        "fashion": "clothing",
        "atm": "cash",
        "cash_advance": "cash",
        "betting": "gambling",
        "casino": "gambling",
        "casinos": "gambling",
        "lottery": "gambling",
        "bitcoin": "crypto",
        "cryptocurrency": "crypto",
        "computers": "electronics",
        "dining": "restaurants",
        "food_dining": "restaurants",
        "restaurant": "restaurants",
        "donations": "charity",
        "electronic": "electronics",
        "firearms": "weapons",
        "gas": "fuel",
        "gas_transport": "fuel",
        "gasoline": "fuel",
        "petrol": "fuel",
        "grocery": "groceries",
        "grocery_net": "groceries",
        "grocery_pos": "groceries",
        "supermarket": "groceries",
        "health_fitness": "health",
        "healthcare": "health",
        "medical": "health",
        "kids_pets": "kids",
        "liquor": "alcohol",
        "misc": "other",
        "misc_net": "other",
        "misc_pos": "other",
        "miscellaneous": "other",
        "office_supplies": "office",
        "personal_care": "beauty",
        "saas": "software",
        "shopping_net": "shopping",
        "shopping_pos": "shopping",
        "transportation": "transport",
        "video_games": "gaming",
        "games": "gaming",
    }
)

_SEPARATORS = re.compile(r"[\s_\-/&]+")


def canonical_category(text: str) -> str | None:
    """Return the category that a text names, whatever its case and spacing.

    None when it names no known one: an unknown category could be a blocked one.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().strip()
    name = _SEPARATORS.sub("_", folded)
    name = ALIASES.get(name, name)
    return name if name in CATEGORIES else None
