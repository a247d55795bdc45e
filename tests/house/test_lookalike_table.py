"""The table of look-alikes is the one that its generator writes."""

from __future__ import annotations

from tests.house.lookalike_table import TABLE, render


def test_the_table_is_what_make_lookalikes_writes():
    assert TABLE.read_text() == render()
