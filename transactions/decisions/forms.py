"""Lengths that forms share."""

from __future__ import annotations

REASON_LENGTH_MAX = 500
