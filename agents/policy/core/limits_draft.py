"""Reading the limits per period that somebody wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from agents.core.categories import CATEGORY_WORDS, canonical_category
from agents.core.merchants import is_merchant_name, is_suspicious_merchant
from agents.core.money import format_amount, parse_amount
from agents.policy.core.limits import Limit, Per, Period, Window
from agents.policy.core.reader import Reader, ValueRefused, list_of, pointer_to, text_of
from audit.base.core.vocabulary import Unlisted, Vocabulary

LIMITS_MAX = 20
COUNT_MAX = 1_000_000
_NAMES = ("period", "window", "per", "name", "amount", "count")
_FIELDS = Vocabulary(_NAMES)

Choice = TypeVar("Choice", bound=StrEnum)


def read_limits(reader: Reader, name: str, default: Any) -> tuple[Limit, ...]:
    """Return the limits of a draft; errors go to the reader."""
    items = reader.read(
        name, lambda value: list_of(value, LIMITS_MAX, "limits"), default
    )
    limits: list[Limit] = []
    for index, item in enumerate(items or ()):
        at = f"/{name}/{index}"
        limit = _read_limit(reader, at, item, reader.currency)
        if limit is None:
            continue
        if limit.identity in {other.identity for other in limits}:
            detail = "Another limit counts the same; write both in one."
            reader.refuse(at, "duplicate", detail)
        limits.append(limit)
    return tuple(limits)


def limits_to_wire(limits: Iterable[Limit], currency: str) -> list[dict[str, Any]]:
    """Return limits as the API shows and takes them."""
    return [_to_wire(limit, currency) for limit in limits]


def _to_wire(limit: Limit, currency: str) -> dict[str, Any]:
    minor = limit.amount_minor
    return {
        "period": limit.period.value,
        "window": limit.window.value,
        "per": limit.per.value,
        "name": limit.name,
        "amount": None if minor is None else format_amount(minor, currency),
        "count": limit.count,
    }


def _read_limit(reader: Reader, at: str, item: object, currency: str) -> Limit | None:
    given = reader.parsed(at, _object, item)
    if given is None:
        return None
    _check_shape(reader, at, given)

    def read(name: str, parse: Callable[[object], Any], default: object = None) -> Any:
        if name not in given:
            return default
        return reader.parsed(f"{at}/{name}", parse, given[name])

    period = read("period", _choice(Period))
    window = read("window", _choice(Window), Window.CALENDAR)
    per = read("per", _choice(Per), Per.AGENT)
    if (period, window) == (Period.ALL_TIME, Window.ROLLING):
        code = Unlisted("unknown_choice", Vocabulary((Window.CALENDAR,)), window)
        reader.refuse(f"{at}/window", code, "All time does not roll.")
    name = per and read("name", _name_of(per), "")
    amount_minor = read("amount", _amount_in(currency))
    count = read("count", _count)
    if period is None or window is None or per is None or name is None:
        return None  # Whatever is missing was refused.
    return Limit(
        period=period,
        window=window,
        per=per,
        name=name,
        amount_minor=amount_minor,
        count=count,
    )


def _check_shape(reader: Reader, at: str, given: Mapping[str, object]) -> None:
    for name in sorted(set(map(str, given)) - set(_NAMES)):
        code = Unlisted("unknown_field", _FIELDS, name)
        reader.refuse(at + pointer_to(name), code, "No such field.")
    if "period" not in given:
        reader.refuse(f"{at}/period", "required", "This field is required.")
    if given.get("amount") is None and given.get("count") is None:
        reader.refuse(at, "limit_of_nothing", "Write an amount, a count, or both.")


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ValueRefused("not_an_object", "Write an object with a period.")
    return value


def _choice(choices: type[Choice]) -> Callable[[object], Choice]:
    def parse(value: object) -> Choice:
        for choice in choices:
            if value == choice:
                return choice
        words = Vocabulary(tuple(choices))
        code = Unlisted("unknown_choice", words, value)
        raise ValueRefused(code, f"Write one of {', '.join(choices)}.")

    return parse


def _amount_in(currency: str) -> Callable[[object], int | None]:
    def parse(value: object) -> int | None:
        if value is None:
            return None
        return parse_amount(value, currency, allow_zero=True)

    return parse


def _count(value: object) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= COUNT_MAX:
        raise ValueRefused("out_of_range", f"Write a number from 0 to {COUNT_MAX}.")
    return value


def _name_of(per: Per) -> Callable[[object], str]:
    def parse(value: object) -> str:
        name = "" if value is None else text_of(value)
        if not name:
            return ""
        if per is Per.AGENT:
            raise ValueRefused(
                "name_without_use", "Only a merchant or category is named."
            )
        return _category(name) if per is Per.CATEGORY else _merchant(name)

    return parse


def _merchant(name: str) -> str:
    if not is_merchant_name(name) or is_suspicious_merchant(name):
        detail = "Write 2 to 200 characters of one script, none of them hidden."
        raise ValueRefused("merchant_suspicious", detail)
    return name


def _category(name: str) -> str:
    category = canonical_category(name)
    if category is None:
        code = Unlisted("category_unknown", CATEGORY_WORDS, name)
        raise ValueRefused(code, "There is no such category.")
    return category
