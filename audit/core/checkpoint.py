"""Checkpoints: a signed statement of how large the log is and what its root is.

A checkpoint is a signed note, which any tool for transparency logs can read. Source:
C2SP signed-note and tlog-checkpoint, with Ed25519 (signature type 1).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from audit.core.merkle import HASH_BYTES

KEY_BYTES = 32
_ED25519 = b"\x01"
_NAME = re.compile(r"[^\s+\x00-\x1f\x7f]{1,200}\Z")
_SIZE = re.compile(r"(?:0|[1-9]\d{0,18})\Z", re.ASCII)
_TIME = "time "
_SIGNATURE_LINE = "\N{EM DASH} "
NOTE_LENGTH_MAX = 10_000
SOON = timedelta(minutes=1)
AT_THE_LATEST = timedelta(hours=1)


class NoteRefused(Exception):
    """A note that is malformed, another log's, or not signed by a key that is trusted.

    The message says which.
    """


@dataclass(frozen=True, slots=True)
class TreeHead:
    """What a note says of the log named `origin` at an instant, in whole seconds."""

    origin: str
    size: int
    root: bytes
    time: datetime

    def text(self) -> str:
        """Return the note's text; the time is an extension line of ours."""
        root = base64.b64encode(self.root).decode()
        time = self.time.astimezone(UTC).replace(tzinfo=None)
        spelled = f"{_TIME}{time.isoformat(timespec='seconds')}Z"
        return f"{self.origin}\n{self.size}\n{root}\n{spelled}\n"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that a log's notes are verified with, as others know it: name and bytes."""

    name: str
    key: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that distinguish keys of one name."""
        named = self.name.encode() + b"\n" + _ED25519 + self.key
        return sha256(named).digest()[:4]

    def __str__(self) -> str:
        """Spell it `name+id+key`, as tools for signed notes take it."""
        key = base64.b64encode(_ED25519 + self.key).decode()
        return f"{self.name}+{self.key_id.hex()}+{key}"

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Read `name+id+key`. Raises ValueError."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise ValueError("The key is not Base64.") from error
        if not _NAME.match(name):
            raise ValueError("The name is empty, or has a space or a plus in it.")
        if raw[:1] != _ED25519 or len(raw) != 1 + KEY_BYTES:
            raise ValueError("It is no Ed25519 key (type 1, 32 bytes).")
        public = cls(name, raw[1:])
        if public.key_id.hex() != key_id:
            raise ValueError("The key's id does not belong to its name and bytes.")
        return public

    def has_signed(self, text: str, signature: bytes) -> bool:
        """Return whether the key's holder signed a note of this text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(
                signature, text.encode()
            )
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class NoteKey:
    """The log's key. Made from 32 random bytes, which live outside of the database."""

    name: str
    seed: bytes = field(repr=False)

    @property
    def public(self) -> PublicKey:
        key = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return PublicKey(self.name, key.public_bytes_raw())

    def sign(self, head: TreeHead) -> str:
        """Return the signed note of a checkpoint."""
        text = head.text()
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        line = base64.b64encode(self.public.key_id + signature).decode()
        return f"{text}\n{_SIGNATURE_LINE}{self.name} {line}\n"


def open_note(note: str, *, origin: str, keys: Collection[PublicKey]) -> TreeHead:
    """Return what a note says, once a trusted key is found to have signed it.

    Signatures of keys that are not trusted are passed over, as the format wants it; one
    that names a trusted key and is wrong refuses the note. Raises NoteRefused.
    """
    text, signatures = _parts(note)
    trusted = {(key.name, key.key_id): key for key in keys}
    is_signed = False
    for name, key_id, signature in signatures:
        key = trusted.get((name, key_id))
        if key is None:
            continue
        if not key.has_signed(text, signature):
            raise NoteRefused(f"The signature of {name}+{key_id.hex()} is wrong.")
        is_signed = True
    if not is_signed:
        raise NoteRefused("No key that is trusted has signed it.")
    head = _parse(text)
    if head.origin != origin:
        raise NoteRefused(f"It is of the log {head.origin!r}, not of {origin!r}.")
    return head


def is_origin(text: str) -> bool:
    """Return whether a text can name a log and its keys."""
    return bool(_NAME.match(text))


def _parts(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Split a note in its text and its signatures: name, key id, signature."""
    text, found, signed = note.rpartition("\n\n")
    if not found or len(note) > NOTE_LENGTH_MAX or not signed.endswith("\n"):
        raise NoteRefused("It is no signed note.")
    signatures = []
    for line in signed[:-1].split("\n"):
        name, _, encoded = line.removeprefix(_SIGNATURE_LINE).partition(" ")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise NoteRefused("A signature is not Base64.") from error
        if not line.startswith(_SIGNATURE_LINE) or not _NAME.match(name):
            raise NoteRefused("A signature line is malformed.")
        signatures.append((name, raw[:4], raw[4:]))
    return text + "\n", signatures


def _parse(text: str) -> TreeHead:
    origin, size, root, *extensions = [*text[:-1].split("\n"), "", ""][:4]
    try:
        decoded = base64.b64decode(root, validate=True)
        time = datetime.fromisoformat(extensions[0].removeprefix(_TIME))
        head = TreeHead(origin, int(size), decoded, time)
    except ValueError as error:
        raise NoteRefused("Its text is no checkpoint.") from error
    # What is spelled otherwise than we would is not ours.
    if not _SIZE.match(size) or len(decoded) != HASH_BYTES or head.text() != text:
        raise NoteRefused("Its text is no checkpoint.")
    return head


def is_due(*, grown: int, age: timedelta, every_events: int) -> bool:
    """Return whether a log that grew so much since its last checkpoint wants another.

    After so many events, a minute after the last one if anything was sealed since, and
    each hour even if nothing was: silence is a statement too. A last one from so far
    ahead was signed by a clock that was wrong, and nobody waits for its time.
    """
    return grown >= every_events or abs(age) >= (SOON if grown else AT_THE_LATEST)
