from __future__ import annotations

from accounts.core.roles import ROLE_PERMISSIONS
from tests.access.document import MEANINGS, document
from tests.access.table import CONSOLE_MODELS, rows
from tests.house.source import ROOT


def test_the_page_about_permissions_is_of_these_tables():
    assert (ROOT / "docs" / "permissions.md").read_text() == document()


def test_no_row_and_no_capability_is_left_out():
    page = document()
    models = tuple(f"admin/{model}/" for model in CONSOLE_MODELS)
    told = [name for name in rows() if not name.startswith(models)]

    assert len(told) > 100
    assert [name for name in told if page.count(f"| `/{name}` |") != 1] == []
    kinds = {frozenset(table) for table in ROLE_PERMISSIONS.values()}
    assert kinds == {frozenset(MEANINGS)}
