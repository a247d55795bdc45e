"""Names that everybody knows, and that others are therefore made to look like.

Nothing is allowed or denied by them: people are warned. Of five letters and more, and
none that an honest word in another spelling looks like (Dell and Deli).
"""

from __future__ import annotations

import re

from agents.core.merchants import merchant_key
from audit.base.core.lookalikes import LOOKS

_NAMES = """
    Adobe Airbnb Alibaba AliExpress Amazon Anthropic Apple Binance Booking Carrefour
    Cloudflare Coinbase Costco DigitalOcean Dropbox Expedia Facebook FedEx GitHub
    GoDaddy Google Hetzner Instagram LinkedIn Lufthansa Mastercard McDonalds Microsoft
    Netflix Nvidia OpenAI PayPal Revolut Ryanair Samsung Shopify Siemens Spotify
    Starbucks Telekom Verizon Vodafone Walmart Zalando
""".split()  # noqa: SIM905 - a table reads better.
_BY_LOOK = {LOOKS.skeleton(name): name for name in _NAMES}
_WORDS = re.compile(r"\w+")


def famous_imitated(name: str) -> str:
    """Return the well-known name that this one, or a word of it, is a disguise of."""
    return next((known for known, is_same in _famous(name) if not is_same), "")


def is_famous(name: str) -> bool:
    """Return whether a word of a name is a well-known one as it is spelled."""
    return any(is_same for _, is_same in _famous(name))


def _famous(name: str) -> list[tuple[str, bool]]:
    """Return the well-known names that parts look like, and whether they are them."""
    parts = [name, *_WORDS.findall(name)]
    looks = ((part, _BY_LOOK.get(LOOKS.skeleton(part))) for part in parts)
    return [
        (known, merchant_key(part) == merchant_key(known))
        for part, known in looks
        if known
    ]
