"""Times and numbers that others wrote are read by audit/base/core/readers.py alone."""

from __future__ import annotations

import re

from django import forms
from django.contrib import admin
from django.test import RequestFactory
from django.urls import get_resolver
from django_filters import rest_framework as filters
from rest_framework import serializers

from audit.base.filters import InstantFilter
from audit.base.form_fields import InstantField, WholeField
from audit.base.serializers import StrictSerializer
from audit.base.serializers import WholeField as QueryWholeField
from tests.house.source import APPS, ROOT, python_files

# They take digits of any script, and more.
LOOSE = re.compile(
    r"\b(?:fromisoformat|strptime|parse_datetime|parse_date|isdigit|isdecimal)\("
    r"|type=(?:int|float)\b"
)
# The reader itself; what we wrote ourselves; the letters of names; the length that
# gunicorn has read; a program that stands alone.
OWN = {
    "transactions/risk/core/likeness.py",
    "audit/core/checkpoint.py",
    "audit/core/ocsf.py",
    "audit/base/core/readers.py",
    "audit/core/retention.py",
    "audit/verifier.py",
    "platform_site/bodies.py",
    "platform_site/replay/client.py",
    "platform_site/run/web_server.py",
    "audit/base/core/codec.py",
    "transactions/budgets/queries/budgets.py",
    "transactions/spending/queries/snapshot.py",
}
LOOSE_FIELDS = (
    forms.IntegerField,
    forms.DateField,
    forms.DateTimeField,
    forms.TimeField,
    forms.DurationField,
)
LOOSE_FILTERS = (
    filters.BooleanFilter,
    filters.NumberFilter,
    filters.DateFilter,
    filters.DateTimeFilter,
)


def subclasses(kind):
    found = set(kind.__subclasses__())
    return found.union(*(subclasses(child) for child in found)) if found else found


def ours(kinds):
    return [kind for kind in kinds if kind.__module__.split(".")[0] in APPS]


def test_no_text_of_others_is_read_in_a_loose_way():
    loose = {
        str(path.relative_to(ROOT))
        for path in python_files(*APPS)
        if LOOSE.search(path.read_text())
    }

    assert loose == OWN


def test_every_form_reads_times_and_numbers_strictly():
    assert get_resolver().url_patterns  # All that has a route is imported then.
    kinds = ours(subclasses(forms.BaseForm))
    assert len(kinds) > 10

    loose = [
        f"{kind.__name__}.{name}"
        for kind in kinds
        for name, field in kind.base_fields.items()
        if isinstance(field, LOOSE_FIELDS)
        and not isinstance(field, (InstantField, WholeField))
    ]

    assert loose == []


def test_no_form_of_the_console_has_a_time_or_a_number_to_write(alice):
    request = RequestFactory().get("/admin/")
    request.user = alice
    written = [
        f"{model.__name__}.{name}"
        for model, shown in admin.site._registry.items()
        if shown.has_add_permission(request) or shown.has_change_permission(request)
        for name, field in shown.get_form(request).base_fields.items()
        if isinstance(field, LOOSE_FIELDS)
        and not isinstance(field, (InstantField, WholeField))
    ]

    assert len(admin.site._registry) > 10
    assert written == []


def test_every_filter_reads_strictly():
    kinds = ours(subclasses(filters.FilterSet))
    assert len(kinds) >= 5

    loose = [
        f"{kind.__name__}.{name}"
        for kind in kinds
        for name, one in kind.base_filters.items()
        if (isinstance(one, LOOSE_FILTERS) and not isinstance(one, InstantFilter))
        or (
            issubclass(one.field_class, LOOSE_FIELDS)
            and not issubclass(one.field_class, InstantField)
        )
    ]

    assert loose == []


def test_a_query_has_nothing_but_texts_and_whole_numbers_of_ascii():
    kinds = [
        kind
        for kind in ours(subclasses(StrictSerializer))
        if kind.__name__.endswith("Query")
    ]
    assert len(kinds) >= 2

    loose = [
        f"{kind.__name__}.{name}"
        for kind in kinds
        for name, field in kind().fields.items()
        if not isinstance(field, (serializers.CharField, QueryWholeField))
    ]

    assert loose == []


def files_with(text):
    return {
        str(path.relative_to(ROOT))
        for path in python_files(*APPS)
        if text in path.read_text()
    }


def test_one_function_reads_the_body_of_a_request():
    """Other serializers read queries, or are more than their values."""
    assert files_with(".is_valid(raise_exception=True)") == {
        "audit/api/proofs.py",
        "audit/base/serializers.py",
        "transactions/money/api/money.py",
        "transactions/spending/api/serializers.py",
    }


def test_one_function_writes_times():
    """A date, a log line and a key of a message are no times of the API."""
    assert files_with(".isoformat()") == {
        "audit/base/core/codec.py",
        "audit/base/core/readers.py",
        "platform_site/logs.py",
        "security/notifications/services/contacts.py",
    }
