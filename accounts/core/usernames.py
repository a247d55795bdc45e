"""One account per name, however it was typed."""

from __future__ import annotations

import re
import unicodedata

from audit.base.core.visible import is_readable

MAX_LENGTH = 150
_ALLOWED = re.compile(rf"[\w.@+-]{{1,{MAX_LENGTH}}}")


def canonical_username(typed: str) -> str | None:
    """Return the name as it is stored and looked up, or None if nobody can have it.

    NFKC, outer whitespace dropped, case kept (the database compares without it).
    NUL, control, direction and invisible characters are in no name.
    """
    name = unicodedata.normalize("NFKC", typed[: 4 * MAX_LENGTH]).strip()
    return name if _ALLOWED.fullmatch(name) and is_readable(name) else None


def lock_out_name(typed: str) -> str:
    """Return what failures are counted under: equal for all spellings of a name."""
    return (canonical_username(typed) or "").casefold()
