"""Whom to call. Source: Security Considerations, "Emergency Contacts"."""

from __future__ import annotations

from django.db import transaction

from audit.context import Principal, holds
from audit.errors import NotFound, NotPermitted
from audit.services import record
from security.models import SecurityContact
from security.step_up import takes_proof


@takes_proof
def set_contact(
    position: str, *, acting: Principal, name: str, email: str, phone: str = ""
) -> SecurityContact:
    """Set who the primary or the backup contact is; the log tells what changed.

    The platform itself may, and a person with security.change_securitycontact.
    Raises NotPermitted, NotFound for another position.
    """
    if acting.kind != "system" and not holds(acting, "security.change_securitycontact"):
        raise NotPermitted
    if position not in SecurityContact.Position.values:
        raise NotFound("A contact is primary or backup.")
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
