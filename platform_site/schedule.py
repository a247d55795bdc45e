"""The periodic jobs and their times (UTC). Every job may run twice without harm."""

from __future__ import annotations

from datetime import timedelta

from celery.schedules import crontab

SCHEDULE = {
    "hourly-alert-thresholds": {
        "task": "security.tasks.check_security_alerts",
        "schedule": timedelta(seconds=30),
    },
    "incident-detection": {
        "task": "security.tasks.detect_security_incidents",
        "schedule": timedelta(seconds=30),
    },
    "incident-response": {
        "task": "security.tasks.respond_to_incidents",
        "schedule": timedelta(seconds=30),
    },
    "notifications": {
        "task": "security.tasks.send_notifications",
        "schedule": timedelta(seconds=30),
    },
    "nonce-purge": {
        "task": "security.tasks.purge_nonces",
        "schedule": timedelta(minutes=10),
    },
    "sign-in-purge": {
        "task": "accounts.tasks.purge_sign_ins",
        "schedule": crontab(minute="50"),
    },
    "failed-sign-in-purge": {
        "task": "accounts.tasks.purge_failed_sign_ins",
        "schedule": timedelta(minutes=10),
    },
    "notification-purge": {
        "task": "security.tasks.purge_notifications",
        "schedule": crontab(minute="55"),
    },
    "change-request-expiry": {
        "task": "security.tasks.expire_change_requests",
        "schedule": timedelta(minutes=10),
    },
    "scheduled-reviews": {
        "task": "security.tasks.open_due_reviews",
        "schedule": crontab(minute="5", hour="0"),
    },
    "approval-expiry": {
        "task": "transactions.tasks.expire_approvals",
        "schedule": timedelta(seconds=60),
    },
    "approval-escalation": {
        "task": "transactions.tasks.escalate_approvals",
        "schedule": timedelta(seconds=60),
    },
    "approval-notices": {
        "task": "transactions.tasks.notify_approvers",
        "schedule": timedelta(seconds=30),
    },
    "authorization-expiry": {
        "task": "transactions.tasks.expire_authorizations",
        "schedule": timedelta(seconds=300),
    },
    "idempotency-retirement": {
        "task": "transactions.tasks.retire_idempotency_records",
        "schedule": crontab(minute="45"),
    },
    "audit-verification": {
        "task": "audit.tasks.verify",
        "schedule": crontab(minute="30", hour="2"),
    },
    "audit-verification-asked": {
        "task": "audit.tasks.verify_if_asked",
        "schedule": timedelta(seconds=15),
    },
    "audit-partitions": {
        "task": "audit.tasks.make_partitions",
        "schedule": crontab(minute="15", hour="0"),
    },
}
