from __future__ import annotations

from django.urls import path

from security.api import change_requests, operations, prompts

urlpatterns = [
    path("prompts/screen/", prompts.PromptScreenView.as_view()),
    path("prompts/wrap/", prompts.PromptWrapView.as_view()),
    path("outputs/validate/", prompts.OutputValidateView.as_view()),
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
    path("alerts/", operations.AlertListView.as_view()),
    path("incidents/", operations.IncidentListView.as_view()),
    path(
        "incidents/<str:incident_id>/acknowledge/",
        operations.IncidentAcknowledgeView.as_view(),
    ),
    path(
        "incidents/<str:incident_id>/contain/",
        operations.IncidentContainView.as_view(),
    ),
    path(
        "incidents/<str:incident_id>/resolve/",
        operations.IncidentResolveView.as_view(),
    ),
    path(
        "incidents/<str:incident_id>/close/",
        operations.IncidentCloseView.as_view(),
    ),
]
