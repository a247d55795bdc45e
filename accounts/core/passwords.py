"""Passwords that somebody else knows."""

from __future__ import annotations

from datetime import timedelta

# Such a one ends after this, unless it is used before.
FIRST_PASSWORD_LASTS = timedelta(days=1)
