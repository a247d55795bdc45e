"""Digests that bind an answer or an approval to its exact content."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal


def digest(value: object) -> str:
    """Return the SHA-256 (hex) of a JSON value in its canonical spelling.

    Keys are sorted, without blanks, in ASCII. A Decimal is spelled as the number that
    was written, so 1.5 and "1.5" differ. Raises TypeError for floats, which have no
    unique spelling, and for anything else that is not JSON.
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
