"""The base of console pages where requests wait."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils import timezone

from transactions.approvals.models import ApprovalRequest
from transactions.approvals.queries.waiting import nobody_decides, waits_for_nobody
from transactions.console import RecordAdmin


class WaitingAdmin(RecordAdmin):
    """Shows whether anybody can decide on a waiting row; one check for a whole page."""

    def approval_of(self, row: Any) -> ApprovalRequest | None:
        """Return the approval request that the row is, or belongs to."""
        raise NotImplementedError

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        shown = super().get_changelist_instance(request)
        approvals = map(self.approval_of, shown.result_list)
        ids = [approval.pk for approval in approvals if approval]
        undecidable = nobody_decides(ids, now=timezone.now())
        for row in shown.result_list:
            approval = self.approval_of(row)
            row.is_undecidable = approval is not None and approval.pk in undecidable
        return shown

    @admin.display(description="waits for")
    def waits_for(self, row: Any) -> str:
        approval = self.approval_of(row)
        if approval is None or approval.status != ApprovalRequest.Status.WAITING:
            return "–"
        known: bool | None = getattr(row, "is_undecidable", None)
        is_undecidable = waits_for_nobody(approval) if known is None else known
        return "Nobody can decide" if is_undecidable else "people"
