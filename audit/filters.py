"""Filters of lists: a value that a filter does not take is refused, never ignored."""

from __future__ import annotations

from django_filters import rest_framework as filters

from audit.base.filters import AddressFilter, InstantFilter
from audit.core.actions import ACTIONS
from audit.models import AuditEvent


class AuditEventFilter(filters.FilterSet):  # type: ignore[misc] # Untyped package.
    """What to see of the log: of the API and of `manage.py export_audit` alike."""

    action = filters.ChoiceFilter(choices=[(name, name) for name in ACTIONS])
    outcome = filters.ChoiceFilter(choices=AuditEvent.Outcome.choices)
    actor = filters.CharFilter(field_name="actor_id")
    actor_kind = filters.CharFilter()
    target = filters.CharFilter(field_name="target_id")
    owner = filters.CharFilter(field_name="owner_id")
    occurred_after = InstantFilter(
        field_name="occurred_at", lookup_expr="gte", help_text="From this instant on."
    )
    occurred_before = InstantFilter(
        field_name="occurred_at", lookup_expr="lt", help_text="Before this instant."
    )
    address = AddressFilter()
    request_id = filters.CharFilter()
