"""Writing: locks, alerts, incidents, notifications, contacts, reviews."""

from __future__ import annotations

from security.services.alerts import (
    acknowledge_alert,
    check_alerts,
    check_sealing,
    raise_alert,
)
from security.services.change_requests import (
    Proposal,
    approve_change,
    expire_due_changes,
    reject_change,
    request_change,
)
from security.services.contacts import set_contact
from security.services.incidents import (
    detect_incidents,
    open_incident,
    respond_to_incident,
    respond_to_incidents,
    update_incident,
)
from security.services.key_rotation import count_sealed, rotate_keys, survey_keys
from security.services.locks import describe, lock_resource, unlock_resource
from security.services.notifications import (
    notify_contacts,
    purge_notifications,
    queue_in_series,
    queue_notification,
    retry_notification,
    send_due_notifications,
)
from security.services.reviews import complete_review, open_due_reviews

__all__ = [
    "Proposal",
    "acknowledge_alert",
    "approve_change",
    "check_alerts",
    "check_sealing",
    "complete_review",
    "count_sealed",
    "describe",
    "detect_incidents",
    "expire_due_changes",
    "lock_resource",
    "notify_contacts",
    "open_due_reviews",
    "open_incident",
    "purge_notifications",
    "queue_in_series",
    "queue_notification",
    "raise_alert",
    "reject_change",
    "request_change",
    "respond_to_incident",
    "respond_to_incidents",
    "retry_notification",
    "rotate_keys",
    "send_due_notifications",
    "set_contact",
    "survey_keys",
    "unlock_resource",
    "update_incident",
]
