"""Digests that bind an answer to exactly what it was about."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal


def digest(value: object) -> str:
    """Return the SHA-256 (hex) of a JSON value in one canonical spelling.

    Keys sorted, no blanks, ASCII; a Decimal is the number that it was written as, so
    1.5 and "1.5" differ. A float would have no one spelling: it raises TypeError, as
    does all else that is not JSON.
    """
    return hashlib.sha256(_spell(value).encode()).hexdigest()


def _spell(value: object) -> str:
    match value:
        case None | bool() | int() | str():
            return json.dumps(value)
        case Decimal() if value.is_finite():
            return str(value)
        case dict() if all(isinstance(key, str) for key in value):
            items = sorted(value.items())
            return f"{{{','.join(f'{_spell(k)}:{_spell(v)}' for k, v in items)}}}"
        case list() | tuple():
            return f"[{','.join(map(_spell, value))}]"
        case _:
            raise TypeError(f"{value!r:.50} has no canonical spelling.")
