"""The two keys of a rotation, and the states in between."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def use_old(settings: Any) -> None:
    settings.ENCRYPTION_KEY, settings.ENCRYPTION_PREVIOUS_KEYS = OLD, []


def know_new(settings: Any) -> None:
    """As a process that still writes with the old key, and reads the new one's too."""
    settings.ENCRYPTION_KEY, settings.ENCRYPTION_PREVIOUS_KEYS = OLD, [NEW]


def rotate_to_new(settings: Any) -> None:
    settings.ENCRYPTION_KEY, settings.ENCRYPTION_PREVIOUS_KEYS = NEW, [OLD]


def forget_old(settings: Any) -> None:
    settings.ENCRYPTION_PREVIOUS_KEYS = []
