"""Reading the limits per period that somebody wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agents.core.categories import canonical_category
from agents.core.limits import Limit, Per, Period, Window
from agents.core.merchants import is_merchant_name, is_suspicious_merchant
from agents.core.money import MoneyError, format_amount, parse_amount

LIMITS_MAX = 20
COUNT_MAX = 1_000_000
_NAMES = frozenset({"period", "window", "per", "name", "amount", "count"})
_CHOICES: Mapping[str, type[StrEnum]] = {
    "period": Period,
    "window": Window,
    "per": Per,
}


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with one place of the list (`pointer` is relative to it)."""

    pointer: str
    code: str
    detail: str


def parse_limits(value: object, currency: str) -> tuple[tuple[Limit, ...], list[Flaw]]:
    """Return the limits that a list in wire form sets, and all that is wrong there."""
    if not isinstance(value, list | tuple):
        return (), [Flaw("", "not_a_list", "Write a list of limits, if an empty one.")]
    if len(value) > LIMITS_MAX:
        return (), [Flaw("", "too_many", f"Write at most {LIMITS_MAX} limits.")]
    limits: list[Limit] = []
    flaws: list[Flaw] = []
    for index, item in enumerate(value):
        found = list(_flaws(item, currency))
        if not found:
            limit = _limit(item, currency)
            if limit.identity in {other.identity for other in limits}:
                detail = "Another limit counts the same; write both in one."
                found = [Flaw("", "duplicate", detail)]
            limits.append(limit)
        flaws += [
            Flaw(f"/{index}{flaw.pointer}", flaw.code, flaw.detail) for flaw in found
        ]
    return tuple(limits), flaws


def limit_to_wire(limit: Limit, currency: str) -> dict[str, Any]:
    """Return a limit as the API shows and takes it."""
    minor = limit.amount_minor
    return {
        "period": limit.period.value,
        "window": limit.window.value,
        "per": limit.per.value,
        "name": limit.name,
        "amount": None if minor is None else format_amount(minor, currency),
        "count": limit.count,
    }


def _limit(item: Mapping[str, Any], currency: str) -> Limit:
    per = Per(item.get("per", Per.AGENT))
    name = item.get("name") or ""
    amount = item.get("amount")
    return Limit(
        period=Period(item["period"]),
        window=Window(item.get("window", Window.CALENDAR)),
        per=per,
        name=(canonical_category(name) or "") if per is Per.CATEGORY else name,
        amount_minor=(
            None if amount is None else parse_amount(amount, currency, allow_zero=True)
        ),
        count=item.get("count"),
    )


def _flaws(item: object, currency: str) -> Iterator[Flaw]:
    if not isinstance(item, Mapping):
        yield Flaw("", "not_an_object", "Write an object with a period.")
        return
    for name in sorted(set(map(str, item)) - _NAMES):
        pointer = name.replace("~", "~0").replace("/", "~1")
        yield Flaw(f"/{pointer}", "unknown_field", "No such field.")
    if "period" not in item:
        yield Flaw("/period", "required", "This field is required.")
    for name, choices in _CHOICES.items():
        if name in item and item[name] not in list(choices):
            told = ", ".join(choices)
            yield Flaw(f"/{name}", "unknown_choice", f"Write one of {told}.")
    if item.get("amount") is None and item.get("count") is None:
        yield Flaw("", "limit_of_nothing", "Write an amount, a count, or both.")
    yield from _number_flaws(item, currency)
    yield from _name_flaws(item)
    if (item.get("period"), item.get("window")) == (Period.ALL_TIME, Window.ROLLING):
        yield Flaw("/window", "unknown_choice", "All time does not roll.")


def _number_flaws(item: Mapping[str, Any], currency: str) -> Iterator[Flaw]:
    if item.get("amount") is not None:
        try:
            parse_amount(item["amount"], currency, allow_zero=True)
        except MoneyError as error:
            yield Flaw("/amount", error.code, error.detail)
    count = item.get("count")
    if count is not None and not _is_count(count):
        yield Flaw("/count", "out_of_range", f"Write a number from 0 to {COUNT_MAX}.")


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= COUNT_MAX


def _name_flaws(item: Mapping[str, Any]) -> Iterator[Flaw]:
    name, per = item.get("name"), item.get("per", Per.AGENT)
    if name in (None, ""):
        return
    if not isinstance(name, str):
        yield Flaw("/name", "not_a_text", "Write a text.")
    elif per == Per.AGENT:
        yield Flaw("/name", "name_without_use", "Only a merchant or category is named.")
    elif per == Per.CATEGORY and canonical_category(name) is None:
        yield Flaw("/name", "category_unknown", "There is no such category.")
    elif per == Per.MERCHANT and not _is_plain_merchant(name):
        detail = "Write 2 to 200 characters of one script, none of them hidden."
        yield Flaw("/name", "merchant_suspicious", detail)


def _is_plain_merchant(name: str) -> bool:
    return is_merchant_name(name) and not is_suspicious_merchant(name)
