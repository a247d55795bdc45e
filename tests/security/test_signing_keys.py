"""Which public keys are taken: the curve's points, but none that signs for all."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from security.signing.core.keys import Ed25519Key, HmacKey, is_sound_public_key
from tests.security.keys import OwnKey

P = 2**255 - 19
# The points of order 1, 2, 4 and 8, in every spelling that libraries read.
ORDER_8 = (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)
SMALL_Y = (0, 1, P - 1, P, P + 1)


def spelled(y: int, *, odd: bool) -> bytes:
    return (y | odd << 255).to_bytes(32, "little")


SMALL = [spelled(y, odd=odd) for y in SMALL_Y for odd in (False, True)] + [
    spelled(int.from_bytes(bytes.fromhex(y), "little"), odd=odd)
    for y in ORDER_8
    for odd in (False, True)
]


@pytest.mark.parametrize("key", SMALL, ids=bytes.hex)
def test_points_of_small_order_are_refused(key: bytes):
    assert not is_sound_public_key(key)


def test_with_a_point_of_small_order_anybody_signs_anything():
    """Why they are refused: the library takes this signature, made without a key."""
    key = spelled(1, odd=False)
    forged = spelled(1, odd=False) + bytes(32)

    Ed25519PublicKey.from_public_bytes(key).verify(forged, b"whatever")


@pytest.mark.parametrize("y", [3, 4, 5, 6, 9, 10, 14, 15, 16, 18])
def test_another_spelling_of_a_point_is_refused(y: int):
    """These are all the sound points that have two: y and y + P fit in 255 bits."""
    assert is_sound_public_key(spelled(y, odd=False))
    assert not is_sound_public_key(spelled(y + P, odd=False))


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33), b"x" * 64])
def test_another_length_is_refused(key: bytes):
    assert not is_sound_public_key(key)


def test_what_is_no_point_of_the_curve_is_refused():
    assert not is_sound_public_key(spelled(2, odd=False))


@given(st.binary(min_size=32, max_size=32))
def test_the_key_of_every_key_pair_is_sound(seed: bytes):
    assert is_sound_public_key(OwnKey(seed).public_key)


@given(st.binary(min_size=32, max_size=32), st.binary(), st.binary(max_size=80))
def test_a_key_knows_its_own_signatures_and_no_others(
    seed: bytes, base: bytes, noise: bytes
):
    own = OwnKey(seed)
    key = Ed25519Key(own.public_key)

    assert key.is_signed(base, own.sign(base))
    assert not key.is_signed(base + b"x", own.sign(base))
    assert not key.is_signed(base, noise)


def test_a_secret_is_in_no_repr():
    assert "s3cret" not in repr(HmacKey("s3cret"))


def test_the_library_refuses_what_we_call_unsigned():
    with pytest.raises(InvalidSignature):
        OwnKey().private.public_key().verify(bytes(64), b"")
