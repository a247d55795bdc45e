"""The wall clock, which limits per period go by."""

from __future__ import annotations

import time

HOUR_S, MARGIN_S = 3600, 60


def await_room_in_the_hour() -> None:
    """Let the hour end first, if it is about to.

    With it ends a day now and then, and a step of each longer rolling period: a test
    that counts budgets would find two of them. Decisions go by the database's clock,
    which no test can set.
    """
    left_s = HOUR_S - time.time() % HOUR_S
    if left_s < MARGIN_S:
        time.sleep(left_s)
