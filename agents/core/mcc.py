"""Merchant category codes: what a seller deals in, as card networks number it.

Source: ISO 18245 and the networks' public lists; the groups and their names are ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from audit.base.core.vocabulary import Vocabulary

MCC = re.compile(r"[0-9]{4}")

# First and last code of each range. Groups may overlap. A group never changes: stored
# policies name it, and what they block would change with it. Others may be added.
_RANGES: Mapping[str, tuple[tuple[int, int], ...]] = {
    "adult": ((5967, 5967), (7273, 7273)),
    "advertising": ((7311, 7311),),
    "agriculture": ((763, 763), (780, 780)),
    "airlines": ((3000, 3350), (4511, 4511)),
    "alcohol": ((5813, 5813), (5921, 5921)),
    "art": ((5970, 5972),),
    "associations": ((8641, 8641), (8675, 8675), (8699, 8699)),
    "beauty": ((5977, 5977), (7230, 7230), (7297, 7298)),
    "books": ((2741, 2741), (5192, 5192), (5942, 5942)),
    "business_services": ((7321, 7322), (7339, 7339), (7393, 7394), (7399, 7399)),
    "car_rental": ((3351, 3500), (7512, 7512)),
    "cash": ((6010, 6012), (6050, 6051)),
    "charity": ((8398, 8398),),
    "childcare": ((5641, 5641), (5945, 5945), (8351, 8351)),
    "cleaning": ((2842, 2842), (7210, 7217), (7342, 7349)),
    "clothing": ((5137, 5139), (5611, 5699)),
    "construction": ((1520, 1799), (5039, 5039), (5200, 5251)),
    "crypto": ((6051, 6051),),
    "digital_goods": ((5815, 5818),),
    "direct_marketing": ((5960, 5969),),
    "education": ((8211, 8299),),
    "electronics": ((5045, 5045), (5732, 5732), (5946, 5946)),
    "employment": ((7361, 7361),),
    "entertainment": (
        (5735, 5735), (7829, 7841), (7911, 7929), (7932, 7933), (7991, 7991),
        (7996, 7996), (7998, 7999),
    ),
    "financial_institutions": ((6010, 6012),),
    "florists": ((5193, 5193), (5992, 5992)),
    "fuel": ((5172, 5172), (5541, 5542), (5983, 5983)),
    "furniture": ((5712, 5722), (5950, 5950), (5261, 5261)),
    "gambling": ((7800, 7802), (7995, 7995), (9406, 9406), (9754, 9754)),
    "gifts": ((5947, 5947),),
    "government": ((9211, 9405),),
    "groceries": ((5411, 5499),),
    "health": ((5047, 5047), (5975, 5976), (8011, 8099)),
    "hosting": ((4816, 4816),),
    "industrial": ((5046, 5046), (5051, 5051), (5065, 5085), (5169, 5169)),
    "information_services": ((7375, 7375),),
    "insurance": ((5960, 5960), (6300, 6300), (6381, 6381), (6399, 6399)),
    "jewelry": ((5094, 5094), (5944, 5944)),
    "lodging": ((3501, 3999), (7011, 7011)),
    "money_transfer": ((4829, 4829), (6536, 6540)),
    "news": ((5994, 5994),),
    "office_supplies": ((5021, 5021), (5044, 5044), (5111, 5111), (5943, 5943)),
    "pawnshops": ((5933, 5933),),
    "personal_services": ((7261, 7261), (7276, 7277), (7296, 7296), (7299, 7299)),
    "pets": ((742, 742), (5995, 5995)),
    "pharmacy": ((5122, 5122), (5912, 5912)),
    "photography": ((7221, 7221), (7333, 7333), (7395, 7395)),
    "politics": ((8651, 8651),),
    "postage": ((9402, 9402),),
    "printing": ((2741, 2791), (7338, 7338)),
    "professional_services": (
        (7392, 7392), (8111, 8111), (8734, 8734), (8911, 8931), (8999, 8999),
    ),
    "real_estate": ((6513, 6513),),
    "religion": ((5973, 5973), (8661, 8661)),
    "repairs": ((7251, 7251), (7622, 7699)),
    "restaurants": ((5811, 5814),),
    "retail": ((5300, 5399), (5999, 5999)),
    "secondhand": ((5931, 5932), (5937, 5937)),
    "securities": ((6211, 6211),),
    "shipping": ((4214, 4225),),
    "software": ((5734, 5734), (7372, 7372), (7379, 7379)),
    "sports": ((5655, 5655), (5940, 5941), (7941, 7941), (7992, 7992), (7997, 7997)),
    "subscriptions": ((5968, 5968),),
    "taxes": ((9311, 9311),),
    "telecom": ((4812, 4815), (4821, 4821), (4899, 4899)),
    "ticketing": ((7922, 7922),),
    "tobacco": ((5993, 5993),),
    "tolls_and_parking": ((4784, 4784), (7523, 7523)),
    "transport": ((4011, 4011), (4111, 4131), (4789, 4789)),
    "travel_agencies": ((4411, 4411), (4722, 4723)),
    "utilities": ((4900, 4900),),
    "vehicles": ((5013, 5013), (5511, 5533), (5551, 5599), (7531, 7549)),
    "video_games": ((5816, 5816), (7993, 7994)),
    "weapons": ((5723, 5723),),
}  # fmt: skip
GROUPS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        name: frozenset(
            f"{code:04d}" for first, last in ranges for code in range(first, last + 1)
        )
        for name, ranges in _RANGES.items()
    }
)
GROUP_WORDS = Vocabulary(tuple(sorted(GROUPS)), page="mcc-groups")


def ranges_of(group: str) -> list[str]:
    """Return a group's codes as people write them: "5811-5814" or "5993"."""
    return [
        f"{first:04d}" if first == last else f"{first:04d}-{last:04d}"
        for first, last in _RANGES[group]
    ]


def blocked_codes(groups: Iterable[str], codes: Iterable[str]) -> frozenset[str]:
    """Return every code that a policy blocks, by a group's name or one by one."""
    return frozenset(codes).union(*(GROUPS[group] for group in groups))
