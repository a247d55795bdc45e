"""Identities of another provider that open an account here."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest

from accounts.models import User
from accounts.services.sessions import target
from audit.services.recording import record


def link_identity(login: Any, *, person: User, request: HttpRequest) -> None:
    """Tie a provider's identity (allauth's SocialLogin) to a person, for good."""
    with transaction.atomic(durable=True):
        login.connect(request, person)
        record(
            "user.identity_linked",
            target=target(person),
            owner_id=person.pk,
            details={"provider": login.account.provider, "uid": login.account.uid},
            actor=person,
        )
