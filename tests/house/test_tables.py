"""Every table says how it is kept small, or why it is not."""

from __future__ import annotations

import re

from django.apps import apps

from platform_site.schedule import SCHEDULE
from tests.house.source import ROOT

TEXT = (ROOT / "docs" / "retention.md").read_text()
ROWS = dict(re.findall(r"^\| `([a-z_]+)` \| (.+) \|$", TEXT, re.MULTILINE))


def test_every_table_says_how_it_is_kept_small_or_why_not():
    models = apps.get_models(include_auto_created=True)

    assert sorted(ROWS) == sorted(model._meta.db_table for model in models)
    for table, how in ROWS.items():
        job = re.match(r"job `([a-z-]+)`: ", how)
        assert job or how.startswith(("history", "few")), table
        assert job is None or job[1] in SCHEDULE, table
