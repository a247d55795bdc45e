"""The periodic jobs and their times (UTC). Every job may run twice without harm."""

from __future__ import annotations

from datetime import timedelta

from celery.schedules import crontab

MINUTE = timedelta(minutes=1)
HALF_A_MINUTE = MINUTE / 2

_JOBS = {
    "hourly-alert-thresholds": ("security.tasks.check_security_alerts", HALF_A_MINUTE),
    "incident-detection": ("security.tasks.detect_security_incidents", HALF_A_MINUTE),
    "incident-response": ("security.tasks.respond_to_incidents", HALF_A_MINUTE),
    "notifications": ("security.tasks.send_notifications", HALF_A_MINUTE),
    "nonce-purge": ("security.tasks.purge_nonces", 10 * MINUTE),
    "sign-in-purge": ("accounts.tasks.purge_sign_ins", crontab(minute="50")),
    "failed-sign-in-purge": ("accounts.tasks.purge_failed_sign_ins", 10 * MINUTE),
    "notification-purge": ("security.tasks.purge_notifications", crontab(minute="55")),
    "change-request-expiry": ("security.tasks.expire_change_requests", 10 * MINUTE),
    "scheduled-reviews": (
        "security.tasks.open_due_reviews",
        crontab(minute="5", hour="0"),
    ),
    "approval-expiry": ("transactions.tasks.expire_approvals", MINUTE),
    "approval-escalation": ("transactions.tasks.escalate_approvals", MINUTE),
    "approval-notices": ("transactions.tasks.notify_approvers", HALF_A_MINUTE),
    "authorization-expiry": ("transactions.tasks.expire_authorizations", 5 * MINUTE),
    "idempotency-retirement": (
        "transactions.tasks.retire_idempotency_records",
        crontab(minute="45"),
    ),
    "audit-verification": ("audit.tasks.verify", crontab(minute="30", hour="2")),
    "audit-verification-asked": ("audit.tasks.verify_if_asked", MINUTE / 4),
    "audit-partitions": ("audit.tasks.make_partitions", crontab(minute="15", hour="0")),
}
SCHEDULE = {
    name: {"task": task, "schedule": when} for name, (task, when) in _JOBS.items()
}
