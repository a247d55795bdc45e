"""Alerts in the API."""

from __future__ import annotations

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers

from audit.base.permissions import requires
from audit.base.strict_query import StrictQueryView
from security.alerts.core.thresholds import ALERT_THRESHOLDS, ALERTING_EVENTS
from security.alerts.models import Alert
from security.alerts.queries import alert_list


class AlertOutput(serializers.ModelSerializer[Alert]):
    object = serializers.CharField(read_only=True, default="alert")

    class Meta:
        model = Alert
        fields = (
            "id",
            "object",
            "metric",
            "window_start",
            "count",
            "threshold",
            "status",
            "raised_at",
            "acknowledged_by",
            "acknowledged_at",
        )
        read_only_fields = fields


class AlertFilter(filters.FilterSet):  # type: ignore[misc] # Untyped package.
    metric = filters.ChoiceFilter(
        choices=[(name, name) for name in sorted({*ALERT_THRESHOLDS, *ALERTING_EVENTS})]
    )
    status = filters.ChoiceFilter(choices=Alert.Status.choices)


@extend_schema_view(
    get=extend_schema(operation_id="list_alerts", tags=["security operations"])
)
class AlertListView(StrictQueryView, generics.ListAPIView[Alert]):
    """Alerts, newest first."""

    permission_classes = (requires("security.view_alert"),)
    rate_class = "default"
    serializer_class = AlertOutput
    filterset_class = AlertFilter
    queryset = Alert.objects.none()
    ordering = ("-raised_at", "-id")

    def get_queryset(self) -> QuerySet[Alert]:
        return alert_list()
