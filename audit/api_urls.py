from __future__ import annotations

from django.urls import path

from audit import api

urlpatterns = [
    path("audit/events/", api.AuditEventListView.as_view(), name="audit-events"),
    path(
        "audit/events/<str:pk>/",
        api.AuditEventDetailView.as_view(),
        name="audit-event",
    ),
]
