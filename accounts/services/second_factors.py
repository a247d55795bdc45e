"""Second factors: allauth keeps and verifies them; here each code counts once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import get_credentials, get_server
from cryptography.exceptions import InvalidSignature
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from fido2.webauthn import UserVerificationRequirement

from accounts import queries
from accounts.errors import PasskeyMissing, SecondFactorRefused
from accounts.models import Session, User
from accounts.seals import person_proving
from accounts.services.lock_outs import count_second_factor_failure, refuse_locked_out
from accounts.services.provisioning import Act, note_provisioning
from accounts.services.sessions import end_all_sessions, target
from audit.base.context import Principal
from audit.services.recording import record
from security.signing.models import RequestNonce
from security.step_up import takes_proof

# Longer than any code stays valid, also when the clock is a few days ahead meanwhile.
CODE_REMEMBERED = timedelta(days=7)
PASSKEY = "passkey"


def prove_second_factor(
    *, request: HttpRequest, user: User, code: str
) -> Authenticator:
    """Return which factor of a person's a code is of: an app's, or recovery codes.

    A code counts once, which the database remembers. A wrong one counts as a wrong
    password does: raises AccountLocked or SecondFactorRefused.
    """
    refuse_locked_out(request, user.username)
    with person_proving(user):
        factor = _factor_of(user, code)
    if factor is None or not _is_first_use(factor, code):
        count_second_factor_failure(request, user)
        raise SecondFactorRefused
    factor.user = user
    factor.record_usage()
    return factor


def _factor_of(user: User, code: str) -> Authenticator | None:
    factors = Authenticator.objects.filter(user=user).exclude(
        type=Authenticator.Type.WEBAUTHN
    )
    return next((one for one in factors if one.wrap().validate_code(code)), None)


def _is_first_use(factor: Authenticator, code: str) -> bool:
    _, is_new = RequestNonce.objects.get_or_create(
        key_id=f"factor:{factor.pk}",
        nonce="".join(code.split())[:128],
        defaults={"expires_at": timezone.now() + CODE_REMEMBERED},
    )
    return is_new


def ask_passkey(*, session_id: str, user: User) -> dict[str, Any]:
    """Return what a browser hands to navigator.credentials.get(), for one answer.

    Raises PasskeyMissing.
    """
    credentials = get_credentials(user)
    if not credentials:
        raise PasskeyMissing
    options, challenge = get_server().authenticate_begin(
        credentials=credentials,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    Session.objects.filter(pk=session_id).update(challenge=challenge)
    return dict(options)


def prove_passkey(
    *, request: HttpRequest, session_id: str, user: User, assertion: dict[str, Any]
) -> str:
    """Return "passkey" if the assertion answers the session's open challenge.

    A challenge is spent by the first answer, right or wrong. Raises as
    prove_second_factor does.
    """
    refuse_locked_out(request, user.username)
    challenge = _take_challenge(session_id)
    if challenge is not None and _is_signed(challenge, user, assertion):
        return PASSKEY
    count_second_factor_failure(request, user)
    raise SecondFactorRefused


def _take_challenge(session_id: str) -> dict[str, Any] | None:
    with transaction.atomic(durable=True):
        row = Session.objects.select_for_update().get(pk=session_id)
        challenge: dict[str, Any] | None = row.challenge
        row.challenge = None
        row.save(update_fields=["challenge"])
    return challenge


def _is_signed(
    challenge: dict[str, Any], user: User, assertion: dict[str, Any]
) -> bool:
    try:
        get_server().authenticate_complete(challenge, get_credentials(user), assertion)
    except (InvalidSignature, KeyError, TypeError, ValueError):
        return False
    return True


@takes_proof
def remove_second_factors(*, user: User, acting: Principal) -> int:
    """Take all second factors from a person who lost them; their sign-ins end.

    If the person must have one, they enrol again before anything else. Needs a fresh
    proof. Returns how many there were.
    """
    with transaction.atomic(durable=True):
        person = User.objects.select_for_update().get(pk=user.pk)
        factors = Authenticator.objects.filter(user=person)
        count = len(queries.factor_types(person))
        factors.delete()
        record(
            "second_factor.reset",
            target=target(person),
            owner_id=person.pk,
            details={"count": count},
            actor=acting,
        )
        end_all_sessions(person, acting, "second_factors_reset")
        note_provisioning(person, Act.FACTORS, acting=acting)
    return count
