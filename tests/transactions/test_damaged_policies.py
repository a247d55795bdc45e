"""A policy version that is not what was set decides nothing."""

from __future__ import annotations

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from agents.errors import PolicyDamaged
from agents.models import PolicyVersion
from agents.queries import policy_rules
from tests.spending import everything, spend


def test_a_policy_changed_in_place_decides_nothing(agent, as_owner):
    document = PolicyVersion.objects.get().document
    document["max_transaction_amount_minor"] = 2000_00
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE agents_policyversion DISABLE TRIGGER USER")
        PolicyVersion.objects.update(document=document)
        cursor.execute("ALTER TABLE agents_policyversion ENABLE TRIGGER USER")
    policy_rules.cache_clear()
    before = everything()

    with pytest.raises(PolicyDamaged):
        spend(agent, "1500.00")

    assert everything() == before


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"max_transaction_amount_minor": 5},
        {"max_transaction_amount_minor": 0, "requires_signature": False},
        {"max_transaction_amount_minor": 5, "requires_signature": None},
        {"max_transaction_amount_minor": True, "requires_signature": False},
    ],
)
def test_the_database_refuses_a_policy_without_its_bounds(agent, as_owner, document):
    version = PolicyVersion.objects.get()
    version.pk, version.number, version.document = "pol_other", 7, document

    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        version.save(force_insert=True)
