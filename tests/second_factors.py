"""People with second factors, and the codes that their apps would show."""

from __future__ import annotations

import time

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
)
from django.db import transaction

from accounts.models import User
from accounts.seals import person_proving


def enrol_app(person: User) -> str:
    """Enrol an authenticator app for a person; return the secret that it holds."""
    secret = generate_totp_secret()
    with transaction.atomic(), person_proving(person):
        TOTP.activate(person, secret)
    return secret


def recovery_codes(person: User) -> list[str]:
    """Make a person's recovery codes and return them, as they would be shown."""
    with transaction.atomic(), person_proving(person):
        return RecoveryCodes.activate(person).generate_codes()


def code_of(secret: str, *, steps: int = 0) -> str:
    """Return what the app shows now, or so many half minutes away."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def factors_of(person: User) -> list[str]:
    factors = Authenticator.objects.filter(user=person).order_by("type")
    return list(factors.values_list("type", flat=True))
