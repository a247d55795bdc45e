"""Money as integer minor units of an ISO 4217 currency; decimals only at the edge.

Source: ISO 4217, list one (active currencies), without funds, metals and test codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from audit.base.core.vocabulary import Unlisted, Vocabulary
from audit.base.errors import Invalid

_CODES_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP "
    "BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP "
    "GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW "
    "KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR "
    "MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR "
    "SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS "
    "UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
EXPONENTS: Mapping[str, int] = MappingProxyType(
    {
        code: exponent
        for exponent, codes in _CODES_BY_EXPONENT.items()
        for code in codes.split()
    }
)
CURRENCIES = frozenset(EXPONENTS)
CURRENCY_WORDS = Vocabulary(
    tuple(sorted(CURRENCIES)),
    {"dollar": "USD", "dollars": "USD", "euro": "EUR", "euros": "EUR", "pounds": "GBP"},
    page="currencies",
)

MINOR_MAX = 10**15
_WHOLE_DIGITS_MAX = len(str(MINOR_MAX))
_DECIMAL_FORM = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")

MESSAGES = {
    "amount_not_a_number": "Write the amount as digits with a decimal point.",
    "amount_not_positive": "The amount must be greater than zero.",
    "amount_too_many_decimals": "The amount has more decimals than its currency.",
    "amount_too_large": "The amount is too large.",
    "currency_unknown": "Write an active ISO 4217 currency in capitals, such as USD.",
}


class MoneyError(Invalid):
    """A text or number that is not an amount of its currency; `code` says why."""

    def __init__(self, code: str, *, pointer: str | None = None) -> None:
        self.code = code
        super().__init__(MESSAGES[code], pointer=pointer)


def parse_amount(value: object, currency: object, *, allow_zero: bool = False) -> int:
    """Return a positive amount in minor units of its currency, exactly.

    Takes a text of ASCII digits with at most one point ("49.9"), an int or a Decimal,
    as JSON gave them; floats and all else are refused. Raises MoneyError.
    """
    exponent = exponent_of(currency)
    match = _DECIMAL_FORM.fullmatch(_decimal_text(value))
    if match is None:
        raise MoneyError("amount_not_a_number")
    sign, whole, decimals = match.groups(default="")
    if sign:
        raise MoneyError("amount_not_positive")
    if len(whole) > _WHOLE_DIGITS_MAX:
        raise MoneyError("amount_too_large")
    if len(decimals) > exponent:
        raise MoneyError("amount_too_many_decimals")
    minor = int(whole + decimals.ljust(exponent, "0"))
    if minor == 0 and not allow_zero:
        raise MoneyError("amount_not_positive")
    if minor > MINOR_MAX:
        raise MoneyError("amount_too_large")
    return minor


def format_amount(minor: int, currency: str) -> str:
    """Return minor units as a decimal text with all of the currency's decimals.

    Raises MoneyError if the currency is unknown.
    """
    exponent = exponent_of(currency)
    sign = "-" if minor < 0 else ""
    if exponent == 0:
        return f"{sign}{abs(minor)}"
    whole, decimals = divmod(abs(minor), 10**exponent)
    return f"{sign}{whole}.{decimals:0{exponent}d}"


def exponent_of(currency: object) -> int:
    """Return a currency's number of decimals. Raises MoneyError if it is unknown."""
    exponent = EXPONENTS.get(currency) if isinstance(currency, str) else None
    if exponent is None:
        raise MoneyError(Unlisted("currency_unknown", CURRENCY_WORDS, currency))
    return exponent


def _decimal_text(value: object) -> str:
    """Spell a number the way a text would be; bound first, so 1e999999999 is cheap."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise MoneyError("amount_not_a_number")
    number = Decimal(value)
    if not number.is_finite():
        raise MoneyError("amount_not_a_number")
    if number < 0:
        raise MoneyError("amount_not_positive")
    if number > MINOR_MAX:
        raise MoneyError("amount_too_large")
    if number and number.adjusted() < -_WHOLE_DIGITS_MAX:
        raise MoneyError("amount_too_many_decimals")
    return format(number, "f")
