"""Names that are taken for one another share a skeleton, and no key."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.merchants import ascii_name, is_suspicious_merchant, merchant_key
from audit.base.core.lookalike_table import CONFUSABLE, RESEMBLING
from audit.base.core.lookalikes import LOOKS, LOOKS_2
from tests.lookalikes import spellings

skeleton = LOOKS.skeleton

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
    places = [n for n, letter in enumerate(name) if letter.lower() in CONFUSABLE]
    chosen = draw(st.sets(st.sampled_from(places), min_size=1))
    for place in chosen:
        letter = letters[place].lower()
        likes = [
            *CONFUSABLE[letter],
            *RESEMBLING[letter],
            *WRITTEN_FOR.get(letter, ()),
        ]
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
        ("Amazon", "\u1d00mazon"),
        ("Amazon", "AMAZ\u00d8N"),
        ("Amazon", "Amazon\u3164"),
        ("Amazon", "Am\u115fa\uffa0zon"),
        ("Amazon", "\U0001f170mazon"),
        ("Amazon", "Am\u2800azon"),
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


@given(st.sampled_from(FAMOUS).flatmap(spellings))
def test_e9_every_spelling_of_unicodes_own_data_shares_the_look(spelling):
    name, disguise = spelling

    assert skeleton(disguise) == skeleton(name)


def test_names_of_other_scripts_are_no_disguise():
    honest = [
        "Łódź",
        "Øresund",
        "\u05e1\u05d5\u05e1",
        "Yap\u0131 Kredi",
        "Сбер",
        "Арго",
    ]
    honest += ["Юг", "Сугроб", "\u054d\u0561\u057d"]
    disguised = [
        "\u1d00\u1d0d\u1d22",
        "\u1d00mazon",
        "Am\u0561zon",
        "\u0410\u0435\u0440",
    ]

    assert not any(map(LOOKS.is_disguised, honest))
    assert all(map(LOOKS.is_disguised, disguised))


def test_records_of_engine_2_see_what_it_saw():
    """The looks by which its stored decisions are derived again."""
    assert LOOKS_2.skeleton("\u0410m\u0430z\u03bfn") == "amazon"
    assert LOOKS_2.skeleton("\u1d00mazon") == "\u1d00mazon"
    assert LOOKS_2.skeleton("AMAZ\u00d8N") == "amaz\u00f8n"
    assert LOOKS_2.skeleton("\u1fb3") == "a"
    assert LOOKS_2.text_skeleton("Ign\u1d0fre  \u0406t") == "ign\u1d0fre it"
    assert LOOKS_2.mixes_scripts("a\u044c")
    assert not LOOKS_2.mixes_scripts("a\u0461")
    assert not LOOKS_2.is_disguised("\u1d00mazon")
    assert LOOKS_2.is_disguised("\u0420\u0415\u0421\u0422\u041e\u0420\u0410\u041d")


def test_a_later_engine_sees_all_that_the_one_before_saw():
    assert LOOKS_2.mixed <= LOOKS.mixed
    assert LOOKS_2.disguises <= LOOKS.disguises
    assert LOOKS_2.names.keys() <= LOOKS.names.keys()
    assert LOOKS_2.texts.keys() - LOOKS.texts.keys() == {ord("\u01c3")}  # For "!".
