"""The keys of the log, from the settings: one signs, all of them verify."""

from __future__ import annotations

import base64

from django.conf import settings

from audit.core.checkpoint import KEY_BYTES, NoteKey, PublicKey, TreeHead, open_note


def seed_of(name: str) -> bytes:
    """Return the 32 bytes that a setting gives in Base64: an Ed25519 private key.

    Raises ValueError if it is not one.
    """
    try:
        seed = base64.b64decode(getattr(settings, name), b"-_", validate=True)
    except ValueError as error:
        raise ValueError(f"{name} is not Base64.") from error
    if len(seed) != KEY_BYTES:
        raise ValueError(f"{name} must be {KEY_BYTES} bytes in Base64.")
    return seed


def signing_key() -> NoteKey:
    """Return the key that signs checkpoints. Raises ValueError if it is not valid."""
    return NoteKey(settings.AUDIT_ORIGIN, seed_of("AUDIT_SIGNING_KEY"))


def trusted_keys() -> list[PublicKey]:
    """Return every accepted key. Raises ValueError if one is not valid."""
    previous = [PublicKey.parse(text) for text in settings.AUDIT_PREVIOUS_PUBLIC_KEYS]
    return [signing_key().public, *previous]


def open_checkpoint(note: str) -> TreeHead:
    """Return what a note of our own log says. Raises NoteRefused."""
    return open_note(note, origin=settings.AUDIT_ORIGIN, keys=trusted_keys())
