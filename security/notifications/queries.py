"""Read the emergency contacts."""

from __future__ import annotations

from security.notifications.models import SecurityContact


def contact(position: str) -> SecurityContact | None:
    """Return the primary or the backup contact."""
    return SecurityContact.objects.filter(position=position).first()
