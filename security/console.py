"""Rows that the platform writes, and what people say when they act on them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.base.admin.bases import HistoryAdmin, ServiceAdmin
from audit.base.context import caller


class NotedActionForm(ActionForm):
    """Actions that others will read about carry a note."""

    note = forms.CharField(max_length=500, required=False, label="Reason:")


class WatchedAdmin(HistoryAdmin, ServiceAdmin):
    """Rows that the platform writes and people act on by actions with a note."""

    action_form = NotedActionForm
    actions: Any = ()

    def apply(
        self,
        request: HttpRequest,
        objects: QuerySet[Any],
        use_case: Any,
        *,
        done: str,
    ) -> None:
        """Run `use_case(id, acting=…, note=…)` for each chosen row."""
        note = request.POST.get("note", "")
        self.run_for_each(
            request,
            objects,
            lambda item: use_case(item.pk, acting=caller(request), note=note),
            done=done,
        )
