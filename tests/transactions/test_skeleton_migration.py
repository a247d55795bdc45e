"""Stored skeletons are derived again when the table of look-alikes changes."""

from __future__ import annotations

from importlib import import_module

from django.apps import apps

from tests.spending import spend
from transactions.risk.models import MerchantActivity

migration = import_module("transactions.migrations.0016_skeletons")


def test_every_skeleton_is_derived_again(agent, as_owner, monkeypatch):
    monkeypatch.setattr(migration, "BATCH", 2)
    spend(agent, merchant="Amazon")
    activity = MerchantActivity.objects.get()
    names = ["\u1d00mazon", "AMAZ\u00d8N", "Walmart", ""]
    for number, name in enumerate(names):
        activity.pk, activity._state.adding = None, True
        activity.merchant, activity.merchant_key = name, f"key {number}"
        activity.skeleton = "as before"
        activity.save()

    migration.derive(apps, None)

    found = MerchantActivity.objects.order_by("pk").values_list("skeleton", flat=True)
    assert list(found) == ["amazon", "amazon", "amazon", "walmart", "keye"]
