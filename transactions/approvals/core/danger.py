"""The worst reason of a held transaction; people see it first and sort by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

DANGER, CAUTION, ROUTINE = "danger", "caution", "routine"


@dataclass(frozen=True, slots=True)
class Worst:
    """The worst reason of one hold; a smaller `place` is worse."""

    place: int
    level: str
    words: str


_LOOKS_ALIKE = "merchant_lookalike"
# Every code that holds, the worst first. The risk score is a mean of counted factors
# and ignores texts: a description that orders to approve everything scores 0.23.
_REASONS = (
    ("description_suspicious", DANGER, "Its text gives orders"),
    (_LOOKS_ALIKE, DANGER, "Passes for another"),
    ("check_failed", CAUTION, "A check failed"),
    ("risk_elevated", CAUTION, "Elevated risk"),
    ("approval_limit_split", CAUTION, "Split below the limit"),
    ("near_duplicate", CAUTION, "Nearly repeats another"),
    ("repeated_request", CAUTION, "Repeats another"),
    ("merchant_new", ROUTINE, "New merchant"),
    ("amount_requires_approval", ROUTINE, "Above the limit"),
)
WORST: Mapping[str, Worst] = MappingProxyType(
    {code: Worst(n, level, words) for n, (code, level, words) in enumerate(_REASONS)}
)
# For a code that a later version removed; never shown as routine.
_UNKNOWN = Worst(2, CAUTION, "Another reason")


def worst_of(codes: Iterable[str], *, imitated: str = "") -> Worst:
    """Return the worst of a hold's reasons and of its merchant's name.

    `imitated` is the merchant that the name can be mistaken for now, or "".
    """
    found = [WORST.get(code, _UNKNOWN) for code in codes]
    if imitated:
        found.append(WORST[_LOOKS_ALIKE])
    return min(found, key=lambda one: one.place, default=_UNKNOWN)
