"""Whom a held request's merchant can be taken for, beside all that people know."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

from agents.core.confusables import skeleton
from agents.core.famous import famous_imitated, is_famous
from agents.core.merchants import merchant_key

# How well a name is known, besides how often somebody was allowed there.
WAITS, FAMOUS, LISTED = 0, 10**6, 10**12

# Lists of merchants are long, and the same again and again.
look_of = lru_cache(maxsize=8192)(skeleton)

# Names by their look, then by their key.
Known = Mapping[str, Mapping[str, tuple[str, int]]]


def known_names(names: Iterable[tuple[str, int]], *, looks: Collection[str]) -> Known:
    """Return those names that have one of these looks, each with how well it is known.

    Of several spellings of one merchant the first one is told.
    """
    known: dict[str, dict[str, tuple[str, int]]] = {}
    for name, weight in names:
        if (look := look_of(name)) not in looks:
            continue
        alike = known.setdefault(look, {})
        key = merchant_key(name)
        told, before = alike.get(key, (name, weight))
        alike[key] = (told, max(before, weight))
    return known


def imitated(name: str, known: Known) -> str:
    """Return the name that this one can be taken for, "" for none.

    A well-known one, or another that looks the same and is known as well or better: of
    two that nobody knows each can be the disguise. What a policy names is no disguise.
    """
    alike, key = known.get(look_of(name), {}), merchant_key(name)
    _, weight = alike.get(key, (name, WAITS))
    if weight >= LISTED:
        return ""
    if famous := famous_imitated(name):
        return famous
    if is_famous(name):
        weight = max(weight, FAMOUS)
    others = [told for other, told in alike.items() if other != key]
    rivals = [told for told in others if told[1] >= weight]
    return max(rivals, key=lambda told: told[1])[0] if rivals else ""
