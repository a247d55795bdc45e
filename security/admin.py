"""The console pages of every feature, where Django looks for them."""

from __future__ import annotations

from security.alerts import admin as alerts
from security.changes import admin as changes
from security.incidents import admin as incidents
from security.locks import admin as locks
from security.notifications import admin as notifications
from security.reviews import admin as reviews
from security.signing import admin as signing

__all__ = [
    "alerts",
    "changes",
    "incidents",
    "locks",
    "notifications",
    "reviews",
    "signing",
]
