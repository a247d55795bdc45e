"""How far clocks may differ."""

from __future__ import annotations

from datetime import timedelta

# Servers' clocks may differ by so much. A stored time further ahead of now is of a
# clock that was wrong: nobody waits until it comes.
CLOCK_TOLERANCE = timedelta(minutes=1)
