"""Decisions from before there were digests stay as they are."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.loader import MigrationLoader

from tests.spending import set_aside_minor, spend
from tests.transactions.test_replays import forge
from transactions.decisions.core.record import ENGINE_VERSION
from transactions.decisions.models import Decision


def before_digests() -> str:
    """Return the name of the migration that this one comes after."""
    nodes = MigrationLoader(connection).graph.node_map
    [own] = [key for key in nodes if key[1].endswith("decision_digests")]
    return next(
        parent.key[1] for parent in nodes[own].parents if parent.key[0] == own[0]
    )


def test_older_decisions_are_told_apart_and_not_rewritten(agent, as_owner):
    spend(agent, "1000.01")
    spend(agent, "20.00")
    call_command("migrate", "transactions", before_digests(), verbosity=0)

    call_command("migrate", verbosity=0)

    row = Decision.objects.get(outcome="deny")
    assert (row.outcome, row.digest, row.engine_version) == ("deny", "", None)
    assert set_aside_minor() == 20_00
    spend(agent, "1.00")
    newer = Decision.objects.exclude(digest="").get()
    assert (len(newer.digest), newer.engine_version) == (64, ENGINE_VERSION)


@pytest.mark.parametrize(
    "values",
    [
        {"digest": ""},
        {"engine_version": None},
        {"digest": "0" * 63},
        {"digest": "G" * 64},
    ],
)
def test_a_digest_and_its_engine_go_together(agent, as_owner, values):
    spend(agent)

    with pytest.raises(IntegrityError, match="decision_digest"), transaction.atomic():
        forge(Decision.objects.get(), **values)
