"""Reading one name of a list in a policy: its spelling, and the key it is known by."""

from __future__ import annotations

import re

from agents.core.categories import CATEGORY_WORDS, canonical_category
from agents.core.countries import COUNTRIES, COUNTRY_WORDS
from agents.core.mcc import GROUP_WORDS, GROUPS, MCC
from agents.core.merchants import is_merchant_name, is_suspicious_merchant, merchant_key
from agents.policy.core.hours import is_time_zone, zone_words
from agents.policy.core.reader import ValueRefused, text_of
from audit.base.core.vocabulary import Unlisted

FUNCTION_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


def merchant(value: object) -> tuple[str, str]:
    """Return a merchant's name and key."""
    name = text_of(value)
    if not is_merchant_name(name):
        raise ValueRefused("merchant_length", "Write a name of 2 to 200 characters.")
    if is_suspicious_merchant(name):
        raise ValueRefused(
            "merchant_suspicious",
            "The name hides characters, mixes scripts or has outer spaces.",
        )
    return name, merchant_key(name)


def category(value: object) -> tuple[str, str]:
    """Return a category, also by another name of it."""
    found = canonical_category(text_of(value))
    if found is None:
        code = Unlisted("category_unknown", CATEGORY_WORDS, value)
        raise ValueRefused(code, "There is no such category.")
    return found, found


def function(value: object) -> tuple[str, str]:
    """Return the name of a function, whether it is registered or not."""
    name = text_of(value)
    if not FUNCTION_NAME.fullmatch(name):
        raise ValueRefused(
            "function_name", "Write lower-case letters, digits and underscores."
        )
    return name, name


def mcc(value: object) -> tuple[str, str]:
    """Return a merchant category code of ISO 18245."""
    code = text_of(value)
    if not MCC.fullmatch(code):
        raise ValueRefused("mcc_malformed", "Write the four digits of the code.")
    return code, code


def mcc_group(value: object) -> tuple[str, str]:
    """Return the name of a group of merchant category codes."""
    name = text_of(value)
    if name not in GROUPS:
        raise ValueRefused(
            Unlisted("mcc_group_unknown", GROUP_WORDS, name),
            f"Write one of {', '.join(GROUPS)}.",
        )
    return name, name


def country(value: object) -> tuple[str, str]:
    """Return a country by its code of ISO 3166-1 alpha-2."""
    code = text_of(value)
    if code not in COUNTRIES:
        raise ValueRefused(
            Unlisted("country_unknown", COUNTRY_WORDS, code),
            "Write two capitals of ISO 3166, such as DE.",
        )
    return code, code


def time_zone(value: object) -> str:
    """Return the name of a time zone that this host knows."""
    name = text_of(value)
    if not is_time_zone(name):
        raise ValueRefused(
            Unlisted("time_zone_unknown", zone_words(), name),
            "Write UTC or an IANA name, such as Europe/Berlin.",
        )
    return name
