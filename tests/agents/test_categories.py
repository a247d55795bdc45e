from __future__ import annotations

import pytest

from agents.core.categories import ALIASES, CATEGORIES, canonical_category


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
