"""The catalogue of actions is complete, and the page is printed from it."""

from __future__ import annotations

from audit.core.actions import ACTIONS
from tests.audit.catalogue import document
from tests.house.source import ROOT


def test_the_page_is_printed_from_the_catalogue():
    assert (ROOT / "docs" / "audit-events.md").read_text() == document()


def test_every_action_says_what_it_tells():
    for name, action in ACTIONS.items():
        assert action.meaning.endswith("."), name
        assert "|" not in action.meaning
    assert len({action.meaning for action in ACTIONS.values()}) == len(ACTIONS)
