"""Find the known merchant that a held request's merchant could be mistaken for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

from agents.core.famous import famous_imitated, is_famous
from agents.core.merchants import merchant_key
from audit.base.core.lookalikes import LOOKS

# How well a name is known: these, or the number of requests allowed at the merchant.
WAITS, FAMOUS, LISTED = 0, 10**6, 10**12

# Cached because lists of merchants are long and repeat.
look_of = lru_cache(maxsize=8192)(LOOKS.skeleton)

# Look of a name -> merchant key -> name and how well it is known.
Known = Mapping[str, Mapping[str, tuple[str, int]]]


def known_names(names: Iterable[tuple[str, int]], *, looks: Collection[str]) -> Known:
    """Return the names that have one of these looks, with how well each is known.

    Of several spellings of one merchant the first is returned.
    """
    known: dict[str, dict[str, tuple[str, int]]] = {}
    for name, weight in names:
        if (look := look_of(name)) not in looks:
            continue
        alike = known.setdefault(look, {})
        key = merchant_key(name)
        first_name, before = alike.get(key, (name, weight))
        alike[key] = (first_name, max(before, weight))
    return known


def imitated(name: str, known: Known) -> str:
    """Return the name that this one could be mistaken for, or "".

    That is a famous name, or one that looks the same and is known as well or better: of
    two unknown names, each could imitate the other. A name that a policy lists imitates
    none.
    """
    alike, key = known.get(look_of(name), {}), merchant_key(name)
    _, weight = alike.get(key, (name, WAITS))
    if weight >= LISTED:
        return ""
    if famous := famous_imitated(name):
        return famous
    if is_famous(name):
        weight = max(weight, FAMOUS)
    others = [known_as for other, known_as in alike.items() if other != key]
    rivals = [known_as for known_as in others if known_as[1] >= weight]
    return max(rivals, key=lambda known_as: known_as[1])[0] if rivals else ""
