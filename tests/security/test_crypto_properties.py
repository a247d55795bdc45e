"""The ring on its own: any text, any flipped bit, any other place, any key."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from security.encryption import crypto
from security.errors import DecryptionFailed

HERE = ("app.model", "field", "one")
OLD, NEW, FOREIGN = (Fernet.generate_key().decode() for _ in range(3))

# Lone surrogates too: JSON escapes them, so that they come back.
texts = st.text(st.characters(), max_size=300)
places = st.tuples(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))


@given(texts, places)
def test_g5_whatever_was_encrypted_comes_back_at_its_place(text, place):
    token = crypto.encrypt(text, context=place)

    assert crypto.decrypt(token, context=place) == text
    assert crypto.key_index(token, context=place) == 0


@pytest.mark.parametrize("length", [0, 16, 32])  # Each ends base64 in its own way.
def test_g5_every_flipped_bit_fails(length):
    token = crypto.encrypt("x" * length, context=HERE)

    for position in range(len(token)):
        for bit in range(8):
            flipped = bytearray(token)
            flipped[position] ^= 1 << bit
            with pytest.raises(DecryptionFailed):
                crypto.decrypt(bytes(flipped), context=HERE)


@given(texts, st.binary(max_size=200))
def test_g5_what_was_cut_short_or_made_up_fails(text, junk):
    token = crypto.encrypt(text, context=HERE)

    for broken in (junk, token[: len(token) // 2], token + junk + b"A"):
        with pytest.raises(DecryptionFailed):
            crypto.decrypt(broken, context=HERE)


@given(texts, places, places)
def test_g4_at_any_other_place_it_fails(text, place, other):
    token = crypto.encrypt(text, context=place)

    if other != place:
        with pytest.raises(DecryptionFailed):
            crypto.decrypt(token, context=other)


def test_g4_places_that_read_alike_when_joined_are_different():
    token = crypto.encrypt("x", context=("a", "bc", "1"))

    for other in (("ab", "c", "1"), ("a", "b", "c1"), ("a", "bc"), ("a,bc,1",)):
        with pytest.raises(DecryptionFailed):
            crypto.decrypt(token, context=other)


@given(texts)
def test_g6_renewing_keeps_the_text_and_its_place_and_leaves_the_old_key(text):
    with pytest.MonkeyPatch.context() as patch:
        use_keys(patch, OLD)
        old = crypto.encrypt(text, context=HERE)
        use_keys(patch, NEW, FOREIGN, OLD)
        assert crypto.key_index(old, context=HERE) == 2

        new = crypto.renew(old, context=HERE)

        assert crypto.key_index(new, context=HERE) == 0
        use_keys(patch, NEW)
        assert crypto.decrypt(new, context=HERE) == text
        with pytest.raises(DecryptionFailed):
            crypto.decrypt(old, context=HERE)


def test_g6_a_token_of_another_place_is_not_renewed():
    token = crypto.encrypt("x", context=HERE)

    with pytest.raises(DecryptionFailed):
        crypto.renew(token, context=(*HERE[:2], "two"))


def use_keys(patch: pytest.MonkeyPatch, first: str, *previous: str) -> None:
    patch.setattr("django.conf.settings.ENCRYPTION_KEY", first)
    patch.setattr("django.conf.settings.ENCRYPTION_PREVIOUS_KEYS", list(previous))
