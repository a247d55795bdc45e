from __future__ import annotations

import json
from hashlib import sha256

import pytest

from agents.core.categories import ALIASES, CATALOGUE, CATEGORIES, canonical_category
from agents.core.mcc import GROUPS
from tests.agents.catalogue import lines
from tests.house.source import ROOT


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("gambling", "gambling"),
        (" Gambling ", "gambling"),
        ("CASINO", "gambling"),
        ("Professional Services", "professional_services"),
        ("gas-transport", "fuel"),
        ("ｂｏｏｋｓ", "books"),
    ],
)
def test_j6_a_category_is_known_by_all_its_names(text: str, category: str) -> None:
    assert canonical_category(text) == category


@pytest.mark.parametrize("text", ["", " ", "gamblin", "gаmbling", "book\u200bs", "x"])
def test_j6_what_is_not_known_names_no_category(text: str) -> None:
    assert canonical_category(text) is None


def test_every_category_and_alias_names_a_category() -> None:
    assert {canonical_category(name) for name in CATEGORIES} == CATEGORIES
    assert {canonical_category(name) for name in ALIASES} <= CATEGORIES
    assert not CATEGORIES & ALIASES.keys()


# What stored policies and requests hold: these names, and what these aliases meant.
FIRST_NAMES = (
    "advertising adult alcohol automotive beauty books cash charity clothing crypto "
    "education electronics entertainment fees fuel gambling gaming gifts government "
    "groceries health home insurance investments jewelry kids loans office other pets "
    "pharmacy professional_services rent restaurants shipping shopping software sports "
    "subscriptions taxes telecom tobacco transfers transport travel utilities weapons"
)
FIRST_ALIASES = {
    "advertising": "ads marketing",
    "adult": "adult_content adult_entertainment porn pornography",
    "travel": "airlines flights hotels lodging",
    "clothing": "apparel fashion",
    "cash": "atm cash_advance",
    "gambling": "betting casino casinos lottery",
    "crypto": "bitcoin cryptocurrency",
    "electronics": "computers electronic",
    "restaurants": "dining food_dining restaurant",
    "charity": "donations",
    "weapons": "firearms",
    "fuel": "gas gas_transport gasoline petrol",
    "groceries": "grocery grocery_net grocery_pos supermarket",
    "health": "health_fitness healthcare medical",
    "kids": "kids_pets",
    "alcohol": "liquor",
    "other": "misc misc_net misc_pos miscellaneous",
    "office": "office_supplies",
    "beauty": "personal_care",
    "software": "saas",
    "shopping": "shopping_net shopping_pos",
    "transport": "transportation",
    "gaming": "video_games games",
}
# Groups that a stored policy may name, by a hash of their codes.
FIRST_GROUPS = (
    "adult airlines alcohol car_rental cash charity digital_goods direct_marketing "
    "fuel gambling government jewelry lodging money_transfer pawnshops pharmacy "
    "politics restaurants securities tobacco travel_agencies weapons"
)


def test_no_name_and_no_alias_of_the_first_list_means_another_thing_now() -> None:
    assert set(FIRST_NAMES.split()) < CATEGORIES
    meant = {
        alias: category
        for category, aliases in FIRST_ALIASES.items()
        for alias in aliases.split()
    }
    assert {alias: ALIASES.get(alias) for alias in meant} == meant


def test_no_group_of_the_first_list_has_other_codes_now() -> None:
    codes = {name: sorted(GROUPS[name]) for name in FIRST_GROUPS.split()}

    digest = sha256(json.dumps(codes).encode()).hexdigest()[:16]
    assert digest == "7b7c44c583cfb43f"


def test_every_category_stands_on_groups_of_merchant_codes_or_has_none() -> None:
    without = {each.name for each in CATALOGUE.values() if not each.groups}
    used = {group for each in CATALOGUE.values() for group in each.groups}

    assert without == {"cannabis", "fees", "other", "payroll"}
    assert used == GROUPS.keys()


@pytest.mark.parametrize("name", ["hosting", "Cloud", "consulting", "hotel", "food"])
def test_what_a_stranger_would_write_is_a_category(name: str) -> None:
    assert canonical_category(name) is not None


def test_the_page_about_categories_is_of_this_table() -> None:
    text = (ROOT / "docs" / "categories.md").read_text()

    assert text.splitlines() == "\n".join(lines()).splitlines()
