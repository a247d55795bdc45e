"""What others did to an account that nobody has confirmed, on pages."""

from __future__ import annotations

from django import template
from django.db.models import QuerySet

from accounts.models import Provisioning, User
from accounts.queries import acts_waiting

register = template.Library()


@register.simple_tag
def unconfirmed_acts(person: User) -> QuerySet[Provisioning]:
    """Return what counts against a person's word until it is confirmed: 1 query."""
    return acts_waiting(person)
