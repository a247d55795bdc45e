"""The tables of every feature, where Django looks for them."""

from __future__ import annotations
