"""Bodies of approve and deny."""

from __future__ import annotations

from audit.base.serializers import StrictCharField, StrictSerializer


class ApproveInput(StrictSerializer):
    reason = StrictCharField(
        required=False, max_length=500, allow_blank=True, default=""
    )


class DenyInput(StrictSerializer):
    reason = StrictCharField(max_length=500)
