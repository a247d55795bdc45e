from __future__ import annotations

import os

from celery import Celery
from celery.signals import beat_init, worker_init
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "platform_site.settings")

TRANSPORT_ALIASES["redis"] = "platform_site.broker:Transport"
app = Celery("platform_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def refuse_unsafe_start(**kwargs: object) -> None:
    """Run the same checks as the web server before any job."""
    from platform_site import checks

    checks.refuse_unsafe_start()


@beat_init.connect
def record_four_eyes_off(**kwargs: object) -> None:
    """Record once per start, because there is only one beat, that FOUR_EYES is off."""
    from security.changes.four_eyes import report_when_off

    report_when_off()
