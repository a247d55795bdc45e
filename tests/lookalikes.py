"""Other spellings of a text, by Unicode's own confusables data."""

from __future__ import annotations

from confusable_homoglyphs.confusables import confusables_data
from hypothesis import strategies as st

_LETTERS = {
    letter: [
        like["c"]
        for like in confusables_data.get(letter, ())
        # NFKC reads the long s as an s, as merchant_key() and language models do.
        if like["c"] != "\u017f"
    ]
    for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
}


@st.composite
def spellings(draw, text, substitutions=300):
    """A text, and the same with letters replaced at random, so many times at most."""
    letters = list(text)
    places = [at for at, letter in enumerate(text) if _LETTERS.get(letter)]
    for place in draw(st.lists(st.sampled_from(places), max_size=substitutions)):
        letters[place] = draw(st.sampled_from(_LETTERS[text[place]]))
    return text, "".join(letters)
