"""Names that are taken for one another share a skeleton, and no key."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.confusables import TAKEN_FOR, is_near_spelling, skeleton
from agents.core.merchants import ascii_name, is_suspicious_merchant, merchant_key

FAMOUS = ["Amazon", "Walmart", "Target", "PayPal", "Booking Com", "Best Buy", "Shell"]
INVISIBLE = "\u200b\u200c\u200d\u00ad\u2060\ufeff\u202e\u2066\u034f"
# Digits and letter pairs that are written for a letter.
WRITTEN_FOR = {
    "o": "0",
    "l": "1I",
    "i": "1l",
    "e": "3",
    "a": "4",
    "s": "5",
    "m": ("rn",),
}


@st.composite
def disguises(draw):
    """A famous name, and the same with one letter or more replaced by a look-alike."""
    name = draw(st.sampled_from(FAMOUS))
    letters = list(name)
    places = [n for n, letter in enumerate(name) if letter.lower() in TAKEN_FOR]
    chosen = draw(st.sets(st.sampled_from(places), min_size=1))
    for place in chosen:
        letter = letters[place].lower()
        likes = [*TAKEN_FOR[letter], *WRITTEN_FOR.get(letter, ())]
        letters[place] = draw(st.sampled_from(likes))
    return name, "".join(letters)


@given(disguises())
def test_e9_a_look_alike_shares_the_look_and_never_the_key(pair):
    name, disguise = pair

    if merchant_key(name) == merchant_key(disguise):  # As Shell and SheIl are not.
        assert disguise.casefold() == name.casefold()
        return
    assert skeleton(disguise) == skeleton(name)
    assert ascii_name(disguise).isascii()


@given(
    st.sampled_from(FAMOUS), st.sampled_from(INVISIBLE), st.integers(0, 12), st.data()
)
def test_e9_a_hidden_character_changes_the_key_and_not_the_look(name, hidden, at, data):
    disguise = name[:at] + hidden + name[at:]

    assert merchant_key(disguise) != merchant_key(name)
    assert skeleton(disguise) == skeleton(name)
    assert is_suspicious_merchant(disguise)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Amazon", "Arnazon"),
        ("Amazon", "amaz0n"),
        ("Amazon", "AMAZON "),
        ("Amazon", "Amázoṇ"),
        ("Amazon", "Am\u0430zon"),
        ("Best", "\u0412\u0415\u0405\u0422"),
        ("Walmart", "WaImart"),
        ("Walmart", "Wa1mart"),
        ("Walmart", "Wal-Mart"),
        ("Walmart", "VVaImart"),
        ("Магнит", "Maгнит"),
    ],
)
def test_names_that_look_alike(name, other):
    assert skeleton(name) == skeleton(other)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Amazon", "Walmart"),
        ("Amazon", "Amazon Fresh"),
        ("Store 12", "Store 13"),
        ("m_0012", "m_0021"),
        ("东京", "京东"),
        ("!!", "??"),
    ],
)
def test_names_that_do_not(name, other):
    assert skeleton(name) != skeleton(other)


@given(st.text(min_size=1, max_size=60))
def test_a_skeleton_looks_like_itself_and_case_is_no_difference(name):
    assert skeleton(name)
    if name.isascii():
        assert skeleton(name.upper()) == skeleton(name.lower())
    accented = unicodedata.normalize("NFC", name)
    assert skeleton(accented) == skeleton(unicodedata.normalize("NFD", name))


@pytest.mark.parametrize(
    ("name", "other", "is_near"),
    [
        ("amazon", "amazom", True),
        ("amazon", "amazonn", True),
        ("amazon", "amzon", True),
        ("amazon", "maazon", True),
        ("amazon", "amaozn", True),
        ("amazon", "Amazon", False),
        ("amazon", "amazzonn", False),
        ("amazon", "aamzno", False),
        ("amazon", "amazon2", False),
        ("store 12", "store 13", False),
        ("store 12", "store 1", False),
        ("dhl", "dpl", False),
        ("amazon", "walmart", False),
    ],
)
def test_a_near_spelling_differs_by_one_letter(name, other, is_near):
    assert is_near_spelling(name, other) is is_near
    assert is_near_spelling(other, name) is is_near
