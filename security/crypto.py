"""Encryption at rest: one ring of Fernet keys, every ciphertext bound to its place."""

from __future__ import annotations

import functools
import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from security.errors import DecryptionFailed

Context = tuple[str, ...]


def encrypt(text: str, *, context: Context) -> bytes:
    """Return the token of `text` under ENCRYPTION_KEY, readable at `context` only.

    The context is encrypted with the text and compared on the way out, so that a
    token moved to another row or column does not decrypt there.
    """
    payload = json.dumps([list(context), text], separators=(",", ":"))
    return _current_ring().encrypt(payload.encode())


def decrypt(token: bytes, *, context: Context) -> str:
    """Return the text that was encrypted at `context`.

    Tries ENCRYPTION_KEY, then ENCRYPTION_PREVIOUS_KEYS. Raises DecryptionFailed when
    no key fits, a bit was changed, or the token belongs to another place.
    """
    try:
        payload = _current_ring().decrypt(token)
    except InvalidToken:
        raise DecryptionFailed from None
    # What a key of ours authenticated was written by encrypt().
    bound_to, text = json.loads(payload)
    if tuple(bound_to) != context or not isinstance(text, str):
        raise DecryptionFailed
    return text


def is_current(token: bytes) -> bool:
    """Tell whether a token is under ENCRYPTION_KEY itself, not under a previous key."""
    try:
        _ring((settings.ENCRYPTION_KEY,)).decrypt(token)
    except InvalidToken:
        return False
    return True


def _current_ring() -> MultiFernet:
    if not settings.ENCRYPTION_KEY:
        raise ImproperlyConfigured("ENCRYPTION_KEY is not set.")
    return _ring((settings.ENCRYPTION_KEY, *settings.ENCRYPTION_PREVIOUS_KEYS))


@functools.lru_cache(maxsize=4)
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise ImproperlyConfigured(
            "ENCRYPTION_KEY and ENCRYPTION_PREVIOUS_KEYS must be Fernet keys:"
            " 32 bytes in URL-safe base64."
        ) from None
