from __future__ import annotations

from django.urls import path

from audit.api import events, proofs

urlpatterns = [
    path("audit/events/", events.AuditEventListView.as_view(), name="audit-events"),
    path(
        "audit/events/<str:event_id>/",
        events.AuditEventDetailView.as_view(),
        name="audit-event",
    ),
    path("audit/checkpoint/", proofs.CheckpointView.as_view(), name="audit-checkpoint"),
    path(
        "audit/proofs/inclusion/",
        proofs.InclusionProofView.as_view(),
        name="audit-inclusion-proof",
    ),
    path(
        "audit/proofs/consistency/",
        proofs.ConsistencyProofView.as_view(),
        name="audit-consistency-proof",
    ),
]
