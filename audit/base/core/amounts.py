"""Amounts as people read them everywhere: 7,500.00 USD. Written digits, no arithmetic.

The wire form has no commas (agents.core.money), and so have the records that were
written in it; whatever shows one of those to a person goes through here.
"""

from __future__ import annotations

import re

_AMOUNT = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,8})?)( [A-Z]{3})")


def grouped(digits: str) -> str:
    """Return a decimal text with its thousands separated: 7500.00 is 7,500.00."""
    whole, point, decimals = digits.partition(".")
    return f"{int(whole):,}{point}{decimals}"


def spoken_text(text: str) -> str:
    """Return a text that is an amount and its currency as people read it.

    Any other text stays as it is.
    """
    found = _AMOUNT.fullmatch(text)
    return f"{grouped(found[1])}{found[2]}" if found else text
