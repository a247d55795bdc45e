"""Reviews in the console."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from security.console import WatchedAdmin
from security.reviews.models import Review
from security.reviews.services import complete_review


@admin.register(Review)
class ReviewAdmin(WatchedAdmin):
    list_display = ("due_at", "cadence", "period_start", "state", "completed_at")
    list_filter = ("cadence", ("completed_at", admin.EmptyFieldListFilter))
    actions = ("complete",)

    def possible_actions(self, request: HttpRequest, obj: Review) -> tuple[str, ...]:
        return () if obj.completed_at else ("complete",)

    def has_complete_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("security.change_review")

    @admin.action(description="Complete (say what was found)", permissions=["complete"])
    def complete(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        self.apply(request, queryset, complete_review, done="completed")
