"""Incidents: found in the audit stream, answered by steps that survive a crash.

Source: Security Considerations, "Incident Response".
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.base.context import Principal, System, holds
from audit.base.core.clocks import CLOCK_TOLERANCE
from audit.base.errors import NotFound, NotPermitted
from audit.base.once import insert_once
from audit.models import AuditEvent
from audit.queries.reading import events_about, timeline
from audit.services.following import follow
from audit.services.recording import record
from security.alerts.core.thresholds import HOUR, STEP
from security.alerts.queries import INCIDENTS, steps_touched
from security.errors import LastUnlocker, TransitionRefused
from security.incidents.core import states as incidents
from security.incidents.models import Incident, IncidentStep
from security.incidents.queries import (
    Suspect,
    handled_until,
    live_incident,
    suspect,
    suspects,
    unanswered_incidents,
)
from security.locks.models import ResourceLock
from security.locks.queries import live_locks
from security.locks.responders import responder_for
from security.locks.services import check_reason, lock_in_transaction
from security.notifications.services.messages import notify_contacts

logger = logging.getLogger(__name__)

DETECTION = System("incident detection")
RESPONSE = System("incident response")
EVIDENCE_LIMIT = 50


def detect_incidents(*, now: datetime) -> list[Incident]:
    """Open an incident for each actor that exceeded a limit within an hour.

    Looks at the hour before now, and at every hour that newly sealed events fall in.
    Idempotent: events that led to an incident lead to no second one, whether that is
    still live or over. Another limit that the actor of a live incident exceeds is
    added to it: one attack is one incident. Test agents do not count.
    """
    # Sealed or not: stopping the sequencer must not stop detection.
    opened = _detect(since=now - HOUR, until=now + CLOCK_TOLERANCE, now=now)

    def catch_up(start: int, end: int) -> None:
        for step in steps_touched(start, end, now=now):
            until = step + STEP
            opened.extend(_detect(since=until - HOUR, until=until, now=now))

    follow(INCIDENTS, catch_up, now=now)
    return opened


def open_incident(found: Suspect, *, now: datetime) -> Incident | None:
    """Open an incident with its response steps; None if its actor has a live one.

    Its trigger is the first limit that was exceeded, in the order of `triggers`.
    """
    trigger = found.triggers[0]
    incident = Incident(
        trigger=trigger,
        value=found.value(trigger),
        measured={each: found.value(each) for each in found.triggers},
        resource_kind=found.kind,
        resource_id=found.id,
        resource_label=found.label[:200],
        owner_id=found.owner_id,
        source_event_id=found.events[trigger],
        opened_at=now,
    )
    with transaction.atomic(durable=True):
        if not insert_once(incident):
            return None
        IncidentStep.objects.bulk_create(
            IncidentStep(incident=incident, position=position, name=name)
            for position, name in enumerate(incidents.STEPS, start=1)
        )
        _record(
            "incident.opened",
            incident,
            {
                "trigger": trigger,
                "value": incident.value,
                "measured": incident.measured,
                "resource": f"{found.kind} {found.id}",
                "source_event": incident.source_event_id,
            },
            DETECTION,
        )
    return incident


def extend_incident(found: Suspect) -> None:
    """Add to the live incident of an actor the limits that it has exceeded since.

    Once each. Where the response has locked already, it locks again what somebody may
    have released meanwhile.
    """
    with transaction.atomic(durable=True):
        live = Incident.objects.exclude(status__in=incidents.ENDED).filter(
            resource_kind=found.kind, resource_id=found.id
        )
        incident = live.select_for_update().first()
        new = {
            trigger: found.value(trigger)
            for trigger in found.triggers
            if incident and trigger not in incident.measured
        }
        if incident is None or not new:
            return
        incident.measured |= new
        incident.save(update_fields=["measured"])
        if incident.steps.filter(name=incidents.LOCK, done_at__isnull=False).exists():
            _lock_if_possible(incident)
        for trigger, value in new.items():
            details: dict[str, object] = {
                "trigger": trigger,
                "value": value,
                "source_event": found.events[trigger],
            }
            _record("incident.extended", incident, details, DETECTION)


def respond_to_incidents() -> None:
    """Do every response step that is still to do; one incident never holds another."""
    for incident_id in unanswered_incidents():
        respond_to_incident(incident_id)


def respond_to_incident(incident_id: str) -> None:
    """Do the response steps that are left: lock, notify, log, investigate.

    Each step and the mark that it is done are one transaction, so that it happens
    once, even if this runs twice or was killed. A step that fails is tried
    again on the next run and does not keep the others waiting.
    """
    for name in incidents.STEPS:
        try:
            _run_step(incident_id, name)
        except Exception as error:
            logger.exception("Step %s of %s failed", name, incident_id)
            _count_failure(incident_id, name, error)


def update_incident(
    incident_id: str, action: str, *, acting: Principal, note: str
) -> Incident:
    """Acknowledge, contain, resolve or close an incident, with a note.

    To contain it also presses the stop button again, should somebody have released
    it. Ending one about what is one's own takes another person, as unlocking does: a
    response that has not run yet would be skipped. Takes security.change_incident.
    Raises NotPermitted, ReasonMissing, TextRefused, NotFound, TransitionRefused.
    """
    if not holds(acting, "security.change_incident"):
        raise NotPermitted
    check_reason(note, pointer="/note")
    with transaction.atomic(durable=True):
        incident = Incident.objects.select_for_update().filter(pk=incident_id).first()
        if incident is None:
            raise NotFound
        status = incidents.status_after(action, incident.status, incident.resource_kind)
        if status is None:
            what = f"{incident.resource_kind}, {incident.status}"
            raise TransitionRefused(f"Nobody can {action} this incident ({what}).")
        if action == "contain":
            _lock(incident, acting=acting)
        responder = responder_for(incident.resource_kind)
        if status not in incidents.LIVE and responder is not None:
            responder.unlock(incident.resource_id, acting=acting, reason=note)
        _set_status(incident, status)
        _record("incident.updated", incident, {"status": status, "note": note}, acting)
    return incident


def _detect(*, since: datetime, until: datetime, now: datetime) -> list[Incident]:
    opened = []
    for found in suspects(since=since, until=until):
        live = live_incident(found.kind, found.id)
        if live is not None:
            if not live.measured.keys() >= {*found.triggers}:
                extend_incident(found)
        elif fresh := _since_incident(found, since=since, until=until, now=now):
            opened.append(open_incident(fresh, now=now))
    return [incident for incident in opened if incident is not None]


def _since_incident(
    found: Suspect, *, since: datetime, until: datetime, now: datetime
) -> Suspect | None:
    """Return the actor as it looks without what ended incidents dealt with."""
    over_at = handled_until(found.kind, found.id, now=now + CLOCK_TOLERANCE)
    if over_at is None or over_at < since:
        return found
    return suspect(found.kind, found.id, since=over_at, until=until)


def _run_step(incident_id: str, name: str) -> None:
    with transaction.atomic(durable=True):
        step = (
            IncidentStep.objects.select_for_update(of=("self", "incident"))
            .select_related("incident")
            .get(incident=incident_id, name=name)
        )
        if step.done_at is not None:
            return
        incident = step.incident
        if incident.status in incidents.LIVE:
            step.result = _STEPS[name](incident)[:500]
        else:
            step.result = f"Skipped: it was {incident.status} before."
        step.done_at = timezone.now()
        step.attempts += 1
        step.save(update_fields=["result", "done_at", "attempts"])
        _record("incident.step_done", incident, _report(step), RESPONSE)


def _count_failure(incident_id: str, name: str, error: Exception) -> None:
    with transaction.atomic(durable=True):
        step = IncidentStep.objects.select_for_update().get(
            incident=incident_id, name=name
        )
        if step.done_at is None:
            step.attempts = min(step.attempts + 1, 30_000)
            step.result = f"Failed, will be tried again: {type(error).__name__}"
            step.save(update_fields=["attempts", "result"])


def _run_lock(incident: Incident) -> str:
    try:
        lock = _lock(incident, acting=RESPONSE)
    except LastUnlocker as error:
        return f"Not locked. {error.detail}"
    if lock is None:
        return "Nothing to lock: nobody has proved to be behind it."
    status = incidents.status_after_step(
        incidents.LOCK, incident.status, has_locked=True
    )
    _set_status(incident, status)
    what = f"{incident.resource_kind} {incident.resource_label}"
    if lock.incident_id == incident.pk:
        return f"Locked {what} ({lock.pk})."
    return f"{what.capitalize()} was locked already, by {lock.locked_by} ({lock.pk})."


def _run_notify(incident: Incident) -> str:
    message = notify_contacts(
        subject=f"Incident: {incident.trigger} on {incident.resource_label}",
        body=(
            f"{incident.measured_text} on {incident.resource_kind}"
            f" {incident.resource_label} ({incident.resource_id}).\n"
            f"Opened {incident.opened_at:%Y-%m-%d %H:%M:%S} UTC.\n\n"
            f"{settings.BASE_URL}/admin/security/incident/{incident.pk}/change/\n"
        ),
        series=f"incident_{incident.resource_kind}",
        key=incident.pk,
    )
    if message is None:
        return "No message: no contact is configured, or this hour had too many."
    return f"Queued {message.pk} for {message.recipient}."


def _run_log(incident: Incident) -> str:
    locks = (
        live_locks(incident.resource_kind, incident.resource_id)
        if incident.resource_kind in incidents.LOCKABLE
        else ResourceLock.objects.none()
    )
    names = ", ".join(f"{lock.pk} by {lock.locked_by}" for lock in locks) or "none"
    return (
        f"{incident.measured_text} on {incident.resource_kind}"
        f" {incident.resource_id}; source event {incident.source_event_id or 'none'};"
        f" locks in force: {names}."
    )


def _run_investigate(incident: Incident) -> str:
    """Gather where to look: how many events of the hour before name the resource."""
    source = AuditEvent.objects.filter(pk=incident.source_event_id).first()
    at = source.occurred_at if source else incident.opened_at
    hour = {"occurred_at__gte": at - HOUR, "occurred_at__lte": at}
    about = timeline([incident.resource_id]).filter(**hour)[:EVIDENCE_LIMIT].count()
    owner = events_about([incident.owner_id]).filter(**hour)[:EVIDENCE_LIMIT].count()
    status = incidents.status_after_step(
        incidents.INVESTIGATE, incident.status, has_locked=False
    )
    _set_status(incident, status)
    return (
        f"Started. In the hour up to {at:%Y-%m-%d %H:%M} UTC: {about} events about the"
        f" resource and {owner} about its owner (counted to {EVIDENCE_LIMIT})."
    )


_STEPS = {
    incidents.LOCK: _run_lock,
    incidents.NOTIFY: _run_notify,
    incidents.LOG: _run_log,
    incidents.INVESTIGATE: _run_investigate,
}


def _lock(incident: Incident, *, acting: Principal) -> ResourceLock | None:
    """Return the lock in force on the resource, which somebody else may have set."""
    if incident.resource_kind not in incidents.LOCKABLE:
        return None
    return lock_in_transaction(
        incident.resource_kind,
        incident.resource_id,
        acting=acting,
        reason=f"Incident {incident.pk}: {incident.measured_text}",
        incident=incident,
    )


def _lock_if_possible(incident: Incident) -> None:
    try:
        _lock(incident, acting=RESPONSE)
    except LastUnlocker as error:
        logger.warning("%s is not locked again: %s", incident.pk, error.detail)


def _set_status(incident: Incident, status: str) -> None:
    if status == incident.status:
        return
    incident.status = status
    if status not in incidents.LIVE and incident.ended_at is None:
        incident.ended_at = timezone.now()
    incident.save(update_fields=["status", "ended_at"])


def _report(step: IncidentStep) -> dict[str, object]:
    return {"step": step.name, "result": step.result, "attempts": step.attempts}


def _record(
    action: str, incident: Incident, details: dict[str, object], actor: Principal
) -> None:
    record(
        action,
        target=("incident", incident.pk, incident.trigger),
        owner_id=incident.owner_id,
        details=details,
        actor=actor,
    )
