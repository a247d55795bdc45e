"""Checkpoints as signed notes: what we write others read, and nothing else passes."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from sigstore._internal.rekor.checkpoint import SignedCheckpoint
from sigstore.errors import VerificationError

from audit.core.checkpoint import (
    NoteKey,
    NoteRefused,
    PublicKey,
    TreeHead,
    is_origin,
    open_note,
)

ORIGIN = "platform.example/audit"
KEY = NoteKey(ORIGIN, bytes(range(32)))
OTHER = NoteKey(ORIGIN, bytes(32))
TIME = datetime(2026, 11, 28, 1, 2, 3, tzinfo=UTC)
ROOT = bytes(range(100, 132))
CHECKPOINT = TreeHead(ORIGIN, 1234, ROOT, TIME)
NOTE = KEY.sign(CHECKPOINT)

checkpoints = st.builds(
    TreeHead,
    st.just(ORIGIN),
    st.integers(0, 10**18),
    st.binary(min_size=32, max_size=32),
    st.datetimes(timezones=st.just(UTC)).map(lambda time: time.replace(microsecond=0)),
)


class ForeignKeyring:
    """What sigstore asks its keyring; the signature is checked by OpenSSL."""

    def __init__(self, key: PublicKey) -> None:
        self.key = key

    def verify(self, *, key_id: bytes, signature: bytes, data: bytes) -> None:
        try:
            Ed25519PublicKey.from_public_bytes(self.key.key).verify(signature, data)
        except InvalidSignature as error:
            raise VerificationError("wrong signature") from error


def opened(note: str, *keys: NoteKey, origin: str = ORIGIN) -> TreeHead:
    return open_note(note, origin=origin, keys=[key.public for key in keys or [KEY]])


def test_a_note_is_spelled_as_the_format_says():
    text, _, signature = NOTE.partition("\n\n")

    assert text == (
        "platform.example/audit\n1234\n"
        "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=\ntime 2026-11-28T01:02:03Z"
    )
    assert signature.startswith("\N{EM DASH} platform.example/audit ")
    raw = base64.b64decode(signature.split(" ")[2])
    assert raw[:4] == KEY.public.key_id
    assert len(raw) == 4 + 64


def test_the_key_that_the_format_gives_as_an_example_is_read():
    text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

    key = PublicKey.parse(text)

    assert (key.name, key.key_id.hex()) == ("PeterNeumann", "c74f20a3")
    assert str(key) == text


def test_the_note_that_the_format_gives_as_an_example_is_verified():
    key = PublicKey.parse(
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    )
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    signature = base64.b64decode(
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
        "KvqfqdngotpRZb6KE6RyyBwJnAM="
    )

    assert signature[:4] == key.key_id
    assert key.has_signed(text, signature[4:])


@given(checkpoints)
def test_a_foreign_implementation_reads_and_verifies_every_note(checkpoint):
    foreign = SignedCheckpoint.from_text(KEY.sign(checkpoint))

    assert foreign.checkpoint.origin == checkpoint.origin
    assert foreign.checkpoint.log_size == checkpoint.size
    assert foreign.checkpoint.log_hash == checkpoint.root.hex()
    verify: Any = foreign.signed_note.verify
    verify(ForeignKeyring(KEY.public), KEY.public.key_id)
    with pytest.raises(VerificationError):
        verify(ForeignKeyring(OTHER.public), KEY.public.key_id)


@given(checkpoints)
def test_opening_gives_back_what_was_signed(checkpoint):
    assert opened(KEY.sign(checkpoint)) == checkpoint


@given(st.data())
def test_not_one_character_of_a_note_can_be_changed(data):
    place = data.draw(st.integers(0, len(NOTE) - 1))
    other = data.draw(st.characters(exclude_characters=NOTE[place]))

    with pytest.raises(NoteRefused):
        opened(NOTE[:place] + other + NOTE[place + 1 :])


@given(st.integers(0, len(NOTE) - 1))
def test_no_part_of_a_note_can_be_left_out(length: int):
    with pytest.raises(NoteRefused):
        opened(NOTE[:length])


def test_a_key_that_is_not_trusted_signs_nothing():
    with pytest.raises(NoteRefused, match="No key that is trusted"):
        opened(OTHER.sign(CHECKPOINT))


def test_a_key_of_another_name_signs_nothing():
    renamed = NoteKey("elsewhere.example/audit", KEY.seed)

    with pytest.raises(NoteRefused, match="No key that is trusted"):
        opened(renamed.sign(CHECKPOINT))


def test_a_note_of_another_log_is_refused():
    other = TreeHead("elsewhere.example/audit", 1234, ROOT, TIME)

    with pytest.raises(NoteRefused, match=r"of the log 'elsewhere\.example/audit'"):
        opened(KEY.sign(other))


def test_a_witness_signature_beside_ours_is_passed_over():
    line = OTHER.sign(CHECKPOINT).rpartition("\n\n")[2]

    assert opened(NOTE + line) == CHECKPOINT


def test_after_a_rotation_both_keys_verify():
    older, newer = OTHER.sign(CHECKPOINT), KEY.sign(CHECKPOINT)

    assert opened(older, KEY, OTHER) == opened(newer, KEY, OTHER) == CHECKPOINT


def test_a_wrong_signature_beside_a_right_one_refuses_the_note():
    wrong = base64.b64encode(KEY.public.key_id + bytes(64)).decode()

    with pytest.raises(NoteRefused, match="is wrong"):
        opened(f"{NOTE}\N{EM DASH} {ORIGIN} {wrong}\n")


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n01234\nZGVm\n",
        CHECKPOINT.text().replace("1234", "01234"),
        CHECKPOINT.text().replace("1234", "+1234"),
        CHECKPOINT.text().replace("1234", "1_234"),
        CHECKPOINT.text().replace("1234", "١٢٣٤"),
        CHECKPOINT.text().replace("1234", "-1"),
        CHECKPOINT.text().replace("1234", str(2**64)),
        CHECKPOINT.text().replace("ZGVm", ""),
        CHECKPOINT.text().replace("time ", "Time "),
        CHECKPOINT.text().replace("time 2026-11-28T01:02:03Z\n", ""),
        CHECKPOINT.text().replace("T01:02:03Z", "T01:02:03+00:00"),
        f"{CHECKPOINT.text()}more\n",
    ],
)
def test_what_we_signed_but_is_no_checkpoint_is_refused(text: str):
    class Anything:
        def text(self) -> str:
            return text

    with pytest.raises(NoteRefused, match="no checkpoint"):
        opened(KEY.sign(Anything()))  # type: ignore[arg-type] # Signs any text.


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not Base64|empty"),
        ("a b+00000000+AA==", "a space or a plus"),
        ("name+00000000+***", "not Base64"),
        ("name+00000000+" + base64.b64encode(bytes(33)).decode(), "no Ed25519 key"),
        ("name+00000000+" + base64.b64encode(b"\1" * 32).decode(), "no Ed25519 key"),
        ("name+00000000+" + base64.b64encode(b"\1" * 33).decode(), "does not belong"),
    ],
)
def test_a_malformed_public_key_is_refused_with_the_reason(text: str, reason: str):
    with pytest.raises(ValueError, match=reason):
        PublicKey.parse(text)


def test_a_public_key_survives_being_written_down():
    assert PublicKey.parse(f" {KEY.public}\n") == KEY.public


def test_the_seed_is_in_no_representation():
    assert repr(KEY.seed) not in repr(KEY)


@pytest.mark.parametrize("text", ["", "a b", "a+b", "a\n", "a" * 201])
def test_what_can_name_no_log(text: str):
    assert not is_origin(text)
    assert is_origin(ORIGIN)
