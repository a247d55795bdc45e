"""Whom to call. Source: Security Considerations, "Emergency Contacts"."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from audit.base.context import Principal, holds
from audit.base.errors import NotFound, NotPermitted
from audit.base.readable import check_line
from audit.services.recording import record
from security.notifications.models import SecurityContact
from security.notifications.services.messages import queue_notification
from security.step_up import takes_proof


@takes_proof
def set_contact(
    position: str, *, acting: Principal, name: str, email: str, phone: str = ""
) -> SecurityContact:
    """Set the primary or the backup contact, and record the change.

    A former e-mail address gets a last message, so that nobody can silence the contacts
    before an attack. For the platform itself, and for people with
    security.change_securitycontact. Raises NotPermitted, NotFound for another position,
    NameRefused.
    """
    if acting.kind != "system" and not holds(acting, "security.change_securitycontact"):
        raise NotPermitted
    if position not in SecurityContact.Position.values:
        raise NotFound("A contact is primary or backup.")
    for field, text in (("name", name), ("email", email), ("phone", phone)):
        check_line(text, pointer=f"/{field}")
    with transaction.atomic(durable=True):
        contacts = SecurityContact.objects.select_for_update()
        person = contacts.filter(position=position).first()
        is_new = person is None
        if person is None:
            person = SecurityContact(position=position, name="", email="")
        changes: dict[str, object] = {
            field: [getattr(person, field), value]
            for field, value in (("name", name), ("email", email))
            if getattr(person, field) != value
        }
        if person.phone != phone:
            changes["phone"] = "changed"
        if not changes:
            return person
        if person.email not in ("", email):
            _tell_former(person, acting)
        person.name, person.email, person.phone = name, email, phone
        person.save(
            force_insert=is_new,
            update_fields=None if is_new else ["name", "email", "phone"],
        )
        record(
            "contact.updated",
            target=("contact", person.pk, position),
            details={"changes": changes},
            actor=acting,
        )
    return person


def _tell_former(person: SecurityContact, acting: Principal) -> None:
    """Queue a message for the address that gets none from now on."""
    queue_notification(
        recipient=person.email,
        subject=f"You are no longer the {person.position} security contact",
        body=(
            f"{acting.label} set another {person.position} contact of the AI Agent"
            " Platform. If you did not expect this, ask another administrator."
        ),
        dedupe_key=f"contact:{person.pk}:{timezone.now().isoformat()}",
    )
