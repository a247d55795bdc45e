"""Merchant category codes: what a seller deals in, as card networks number it.

Source: ISO 18245 and the networks' public lists; the groups and their names are ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

MCC = re.compile(r"[0-9]{4}")

# First and last code of each range. Groups may overlap.
_RANGES: Mapping[str, tuple[tuple[int, int], ...]] = {
    "adult": ((5967, 5967), (7273, 7273)),
    "airlines": ((3000, 3350), (4511, 4511)),
    "alcohol": ((5813, 5813), (5921, 5921)),
    "car_rental": ((3351, 3500), (7512, 7512)),
    "cash": ((6010, 6012), (6050, 6051)),
    "charity": ((8398, 8398),),
    "digital_goods": ((5815, 5818),),
    "direct_marketing": ((5960, 5969),),
    "fuel": ((5172, 5172), (5541, 5542), (5983, 5983)),
    "gambling": ((7800, 7802), (7995, 7995), (9406, 9406), (9754, 9754)),
    "government": ((9211, 9405),),
    "jewelry": ((5094, 5094), (5944, 5944)),
    "lodging": ((3501, 3999), (7011, 7011)),
    "money_transfer": ((4829, 4829), (6536, 6540)),
    "pawnshops": ((5933, 5933),),
    "pharmacy": ((5122, 5122), (5912, 5912)),
    "politics": ((8651, 8651),),
    "restaurants": ((5811, 5814),),
    "securities": ((6211, 6211),),
    "tobacco": ((5993, 5993),),
    "travel_agencies": ((4411, 4411), (4722, 4723)),
    "weapons": ((5723, 5723),),
}
GROUPS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        name: frozenset(
            f"{code:04d}" for first, last in ranges for code in range(first, last + 1)
        )
        for name, ranges in _RANGES.items()
    }
)


def blocked_codes(groups: Iterable[str], codes: Iterable[str]) -> frozenset[str]:
    """Return every code that a policy blocks, by a group's name or one by one."""
    return frozenset(codes).union(*(GROUPS[group] for group in groups))
