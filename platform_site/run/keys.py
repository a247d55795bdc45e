"""Generate keys and the log's name: in files for `manage.py up`, or in memory."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

NAMES = (
    "SECRET_KEY",
    "JWT_SECRET_KEY",
    "ENCRYPTION_KEY",
    "AUDIT_SIGNING_KEY",
    "AUDIT_ORIGIN",
    "RECEIPT_SIGNING_KEY",
)
# Fernet and Ed25519 need exactly 32 bytes.
SEEDS = frozenset({"ENCRYPTION_KEY", "AUDIT_SIGNING_KEY", "RECEIPT_SIGNING_KEY"})


def new_key(name: str) -> str:
    """Return a new key: 256 random bits for Fernet and Ed25519, 384 for the others.

    The log's name (AUDIT_ORIGIN) is unique, so that no other log's checkpoints verify.
    """
    if name == "AUDIT_ORIGIN":
        return f"{secrets.token_hex(8)}.local/audit"
    if name in SEEDS:
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(48)  # Django wants 50 characters.


def _unset(environ: Mapping[str, str]) -> list[str]:
    return [n for n in NAMES if n not in environ and f"{n}_FILE" not in environ]


def throwaway_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """Return a new key for each name that is not set in the environment."""
    return {name: new_key(name) for name in _unset(environ)}


def key_files(directory: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return NAME_FILE for each key that is not set in the environment.

    Raises OSError.
    """
    return {f"{name}_FILE": str(key_file(directory, name)) for name in _unset(environ)}


def key_file(directory: Path, name: str) -> Path:
    """Return the file of a key in a private directory, made if missing.

    It is never overwritten: with a lost encryption key, its data is lost. Raises
    OSError.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    path = directory / name.lower()
    if not path.exists():
        write_whole(path, new_key(name))
    return path


def write_whole(path: Path, text: str) -> None:
    """Write a private file atomically, even if the machine crashes.

    Raises OSError.
    """
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    partial.rename(path)
