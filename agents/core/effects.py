"""What functions do: one that reads does least, one that administers most."""

from __future__ import annotations

READ = "read"
EFFECTS = (READ, "write", "send", "admin")


def does_more(old: str, new: str) -> bool:
    """Return whether a function that had one effect does more by another."""
    return EFFECTS.index(new) > EFFECTS.index(old)
