"""Encryption at rest: one ring of Fernet keys, every ciphertext bound to its place."""

from __future__ import annotations

import base64
import contextlib
import functools
import json

from cryptography.fernet import Fernet, InvalidToken
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
    return _current_ring()[0].encrypt(payload.encode())


def decrypt(token: bytes, *, context: Context) -> str:
    """Return the text that was encrypted at `context`.

    Tries ENCRYPTION_KEY, then ENCRYPTION_PREVIOUS_KEYS. Raises DecryptionFailed when
    no key fits, a bit was changed, or the token belongs to another place.
    """
    return _open(token, context)[1]


def key_index(token: bytes, *, context: Context) -> int:
    """Return which key reads a token: 0 is ENCRYPTION_KEY, 1 the first previous one.

    Raises DecryptionFailed as decrypt() does.
    """
    return _open(token, context)[0]


def renew(token: bytes, *, context: Context) -> bytes:
    """Return the same text under ENCRYPTION_KEY. Raises DecryptionFailed."""
    return encrypt(decrypt(token, context=context), context=context)


def _open(token: bytes, context: Context) -> tuple[int, str]:
    if not _is_canonical(token):
        raise DecryptionFailed
    for index, key in enumerate(_current_ring()):
        with contextlib.suppress(InvalidToken):
            return index, _text_at(context, key.decrypt(token))
    raise DecryptionFailed


def _is_canonical(token: bytes) -> bool:
    """Return whether a token is spelled as it was made.

    Base64 has unused bits and ignores what follows its end: a change there would
    decrypt to the same text, and nobody would hear of it.
    """
    try:
        return base64.urlsafe_b64encode(base64.urlsafe_b64decode(token)) == token
    except ValueError:
        return False


def _text_at(context: Context, payload: bytes) -> str:
    # What a key of ours authenticated was written by encrypt().
    bound_to, text = json.loads(payload)
    if tuple(bound_to) != context or not isinstance(text, str):
        raise DecryptionFailed
    return text


def _current_ring() -> tuple[Fernet, ...]:
    if not settings.ENCRYPTION_KEY:
        raise ImproperlyConfigured("ENCRYPTION_KEY is not set.")
    return _ring((settings.ENCRYPTION_KEY, *settings.ENCRYPTION_PREVIOUS_KEYS))


@functools.lru_cache(maxsize=2)
def _ring(keys: tuple[str, ...]) -> tuple[Fernet, ...]:
    try:
        return tuple(Fernet(key) for key in keys)
    except ValueError:
        raise ImproperlyConfigured(
            "ENCRYPTION_KEY and ENCRYPTION_PREVIOUS_KEYS must be Fernet keys:"
            " 32 bytes in URL-safe base64."
        ) from None
