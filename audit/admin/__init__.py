"""The console: what every app's is made of, and the audit log."""

from __future__ import annotations

from audit.admin.bases import (
    HistoryAdmin,
    ServiceAdmin,
    TimeFilter,
    short_id,
    timeline_url,
)
from audit.admin.events import AuditEventAdmin

__all__ = [
    "AuditEventAdmin",
    "HistoryAdmin",
    "ServiceAdmin",
    "TimeFilter",
    "short_id",
    "timeline_url",
]
