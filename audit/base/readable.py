"""What people write for others to read is shown as it is stored, or refused."""

from __future__ import annotations

from audit.base.core.visible import is_plain_text, is_readable
from audit.base.errors import NameRefused, TextRefused

REASON_MAX = 500


def check_line(text: str, *, pointer: str) -> None:
    """Raise NameRefused unless a text of one line is empty or shows all that it is."""
    if text and not is_readable(text):
        raise NameRefused(pointer=pointer)


def check_text(text: str, *, pointer: str) -> None:
    """Raise TextRefused unless a text, of several lines maybe, shows all that it is."""
    if not is_plain_text(text):
        raise TextRefused(pointer=pointer)
