"""Four eyes: a change that serves its requester needs a second person.

An installation that one person runs says so by FOUR_EYES=false. Then every page, the
checklist and the log say that nobody else checks.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from audit.base.context import System
from audit.services.recording import record
from security.alerts.services import raise_at_once

ACTOR = System("four eyes")


def four_eyes_note() -> dict[str, str]:
    """Return the detail for events of acts that would wait with four eyes."""
    return {} if settings.FOUR_EYES else {"four_eyes": "off"}


def report_when_off() -> None:
    """Record it, and notify the security contacts, at each start without four eyes."""
    if settings.FOUR_EYES:
        return
    with transaction.atomic(durable=True):
        record("platform.four_eyes_off", actor=ACTOR)
        raise_at_once("four_eyes_off")
