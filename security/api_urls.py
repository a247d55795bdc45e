from __future__ import annotations

from django.urls import path

from security.alerts.api import AlertListView
from security.changes import api as change_requests
from security.incidents.api import (
    IncidentAcknowledgeView,
    IncidentCloseView,
    IncidentContainView,
    IncidentListView,
    IncidentResolveView,
)

urlpatterns = [
    path("change-requests/", change_requests.ChangeRequestListView.as_view()),
    path(
        "change-requests/<str:change_id>/",
        change_requests.ChangeRequestDetailView.as_view(),
    ),
    path(
        "change-requests/<str:change_id>/approve/",
        change_requests.ChangeRequestApproveView.as_view(),
    ),
    path(
        "change-requests/<str:change_id>/reject/",
        change_requests.ChangeRequestRejectView.as_view(),
    ),
    path("alerts/", AlertListView.as_view()),
    path("incidents/", IncidentListView.as_view()),
    path(
        "incidents/<str:incident_id>/acknowledge/",
        IncidentAcknowledgeView.as_view(),
    ),
    path(
        "incidents/<str:incident_id>/contain/",
        IncidentContainView.as_view(),
    ),
    path(
        "incidents/<str:incident_id>/resolve/",
        IncidentResolveView.as_view(),
    ),
    path(
        "incidents/<str:incident_id>/close/",
        IncidentCloseView.as_view(),
    ),
]
