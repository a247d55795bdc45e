"""Lists of the console answer to their own filters only: no row is read blindly."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Field
from django.test import Client

from tests.browsing import sign_in

SITE = admin.site._registry
OPERATORS = ("", "__exact", "__regex", "__startswith", "__gt", "__in", "__contains")
SECRET = ("password", "hash", "secret", "phone", "key", "challenge", "body", "response")


def fields_of(model: Any, depth: int = 2) -> list[str]:
    """Return the names by which a row's fields, and those of others, are asked."""
    names = []
    for field in model._meta.get_fields():
        names.append(field.name)
        if isinstance(field, Field) and not field.is_relation:
            continue
        if depth > 1 and field.related_model:
            inner = fields_of(field.related_model, depth - 1)
            names += [f"{field.name}__{name}" for name in inner]
    return names


def filters_of(shown: Any) -> set[str]:
    """Return what the list's own filters are asked by, without an operator."""
    own = {*shown.linked_by}
    for one in shown.list_filter:
        if isinstance(one, type):
            own.add(getattr(one, "parameter_name", ""))
        else:
            name = one if isinstance(one, str) else one[0]
            own |= {name, f"{name}__id"}
    return own


@pytest.mark.parametrize("model", SITE, ids=lambda model: model._meta.label)
def test_c18_no_field_is_looked_up_that_no_filter_of_the_list_names(rf, model):
    shown, names = SITE[model], fields_of(model)

    allowed = {
        name
        for name, operator in product(names, OPERATORS)
        if shown.lookup_allowed(name + operator, "x", rf.get("/"))
    }

    assert len(names) > 3
    assert allowed <= filters_of(shown)
    told = [name for name in (*allowed, *shown.search_fields) if name.endswith(SECRET)]
    assert told == []


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("accounts/user/?password__regex=^p", 400),
        ("accounts/user/?password=x", 400),
        ("accounts/user/?sign_ins__refresh_hash__startswith=a", 400),
        ("accounts/session/?refresh_hash__startswith=a", 400),
        ("accounts/session/?user__password__regex=^p", 400),
        ("agents/agentcredential/?secret_hash__startswith=a", 400),
        ("agents/agentcredential/?agent__owner__password__regex=^p", 400),
        ("audit/auditevent/?occurred_at__gte=2026-01-01", 400),
        ("accounts/user/?unknown=1", 400),
        ("accounts/user/?p=abc", 404),
        ("accounts/user/?p=1", 200),
        ("accounts/user/?role__exact=admin", 200),
        ("accounts/user/?is_active__exact=1&team__id__exact=x", 200),
        ("accounts/session/?ended_at__isempty=1&kind__exact=api", 200),
        ("agents/function/?current_version__effect__exact=read", 200),
        ("audit/auditevent/?target_id=agt_1&within=day&action=user.created", 200),
    ],
)
def test_c18_a_list_answers_to_its_own_filters(alice, address, status):
    client = Client()
    sign_in(client, alice)

    assert client.get(f"/admin/{address}").status_code == status
