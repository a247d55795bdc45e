"""Joiners and selectors: needed where a script or an emoji uses them, else hidden."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.prompts.core.sanitize import sanitize
from audit.base.core.joiners import JOINER, NON_JOINER, needed_places, without_joiners
from audit.base.core.visible import hides_characters, is_readable, visible
from tests.timing import is_under

DIGIKALA = "\u062f\u06cc\u062c\u06cc\u200c\u06a9\u0627\u0644\u0627"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
HONEST = [
    DIGIKALA,
    # Behind a letter that joins on one side only; with a vowel sign between.
    "\u06a9\u0627\u0631\u200c\u062e\u0627\u0646\u0647",
    "\u0645\u06cc\u0651\u200c\u062e\u0648\u0627\u0647\u0645",
    "\u0915\u094d\u200d\u0937",  # Hindi, half a letter.
    "\u0d05\u0d35\u0d28\u0d4d\u200d",  # Malayalam, a letter of its own at the end.
    "\u0dc1\u0dca\u200d\u0dbb\u0dd3 \u0dbd\u0d82\u0d9a\u0dcf",  # Sinhala: Sri Lanka.
    "\u09b0\u200d\u09cd\u09af\u09be\u09ac",  # Bengali: the joiner before the virama.
    "\u0c2b\u0c47\u0c38\u0c4d\u200c\u0c2c\u0c41\u0c15\u0c4d",  # Telugu: Facebook.
    "\u0645\u06a9\u062a\u0628\u0629 \u0661\u0665 \u0600\u0661",  # A drawn number sign.
    FAMILY,
    f"{FAMILY} Shop",
    "\u2764\ufe0f\u200d\U0001f525 Grill",
    "\U0001f3f3\ufe0f\u200d\U0001f308",
    "\U0001f469\U0001f3fd\u200d\U0001f373",
    "\U0001f408\u200d\u2b1b Caf\u00e9",
    "7\ufe0f\u20e3 Eleven",
    "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f Tours",
]
DECEITFUL = [
    "Ama\u200czon",
    "Ama\u200dzon",
    "\u200cAmazon",
    "Amazon\u200d",
    "Amazon\ufe0f",
    "7\ufe0f Eleven",
    "\u0410\u043c\u0430\u200c\u0437\u043e\u043d",
    # Doubled, at the ends, beside another script, where nothing is joined.
    "\u062f\u06cc\u200c\u200c\u06a9\u0627",
    "\u062f\u06cc\u200c\u200d\u06a9\u0627",
    "\u0915\u094d\u200d\u200d\u0937",
    "\u200c\u062f\u06cc",
    "\u062f\u06cc\u200c",
    "\u062f\u06cc\u200d\u06a9\u0627",
    "\u062f\u06cc\u200cAmazon",
    "Amazon\u200c\u062f\u06cc",
    "\u0915\u200d\u0937",
    "a\u094d\u200db",
    f"\u200d{FAMILY}",
    f"{FAMILY}\u200d",
    "\U0001f468\u200d\u200d\U0001f469",
    "\U0001f468\u200dA",
    "\U0001f468\u200c\U0001f469",
    "\U0001f3f4\U000e0067\U000e0062\U000e0041\U000e007f",
]


@pytest.mark.parametrize("text", HONEST)
def test_e9_a_joiner_that_its_script_or_emoji_uses_is_no_deceit(text: str) -> None:
    assert visible(text) == text
    assert is_readable(text)
    assert sanitize(text).hidden == ()
    assert sanitize(text).text == text


@pytest.mark.parametrize("text", DECEITFUL)
def test_e9_a_joiner_that_nothing_uses_stays_deceit(text: str) -> None:
    assert hides_characters(text)
    assert not is_readable(text)
    assert "\u27e6U+" in visible(text)
    assert sanitize(text).hidden != ()


def test_names_are_compared_without_the_joiners_that_they_need() -> None:
    assert without_joiners(DIGIKALA) == DIGIKALA.replace("\u200c", "")
    assert without_joiners("\u2764\ufe0f Pizza") == "\u2764 Pizza"
    assert without_joiners("Ama\u200czon") == "Ama\u200czon"
    # Two flags differ by their tags alone.
    assert without_joiners(HONEST[-1]) == HONEST[-1]


_LETTERS = st.characters(categories=["L"], max_codepoint=0x24F)
_ARABIC = st.characters(categories=["Lo"], min_codepoint=0x620, max_codepoint=0x64A)
_JOINERS = st.sampled_from([NON_JOINER, JOINER])
_HARD = st.lists(
    st.one_of(_ARABIC, _JOINERS, st.sampled_from([*FAMILY, *HONEST[3], "a", "\ufe0f"])),
    max_size=12,
).map("".join)


@given(st.text(_LETTERS, min_size=1), _JOINERS, st.text(_LETTERS, min_size=1))
def test_no_joiner_between_latin_letters_is_needed(before, joiner, after) -> None:
    assert hides_characters(before + joiner + after)


@given(st.text(_ARABIC, min_size=1), st.text(_ARABIC, min_size=1))
def test_a_non_joiner_between_arabic_letters_is_needed_once(before, after) -> None:
    assert not hides_characters(before + NON_JOINER + after)
    assert hides_characters(before + NON_JOINER * 2 + after)
    assert hides_characters(NON_JOINER + before + after)
    assert hides_characters(before + after + NON_JOINER)


@given(st.one_of(st.text(), _HARD))
def test_what_is_hidden_is_written_out_and_nothing_else(text: str) -> None:
    assert (visible(text) == text) == (not hides_characters(text))
    assert not hides_characters(visible(text))


@given(_HARD)
def test_a_sanitized_text_hides_nothing_and_stays(text: str) -> None:
    clean = sanitize(text).text

    assert not hides_characters(clean)
    assert sanitize(clean).text == clean


@given(_HARD)
def test_every_place_that_is_needed_is_a_place_of_the_text(text: str) -> None:
    places = needed_places(text)

    assert places <= set(range(len(text)))
    kept = [one for at, one in enumerate(text) if at not in places]
    assert [one for one in without_joiners(text) if one in "\u200c\u200d"] == [
        one for one in kept if one in "\u200c\u200d"
    ]


@pytest.mark.parametrize(
    "unit",
    ["\u200c", "\u0645\u200c", "\u0645\u0651", "\U0001f468\u200d", "\u094d\u200d"],
)
def test_e12_sixty_thousand_joiners_take_linear_time(unit: str) -> None:
    text = ("\u0645" + unit * 60_000)[:60_000]

    assert is_under(0.5, lambda: needed_places(text))
